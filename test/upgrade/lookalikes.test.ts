import t from "tap"
import { lookalikesOf } from "../../lib/upgrade/lookalikes.js"

const cases: readonly { title: string; names: string[]; fields: string[]; found: string[] }[] = [
  { title: "no names and no fields", names: [], fields: [], found: [] },
  { title: "no names", names: [], fields: ["x_a", "x-a"], found: [] },
  { title: "the name itself", names: ["x-auth-user"], fields: ["x-auth-user"], found: [] },
  {
    title: "other separators",
    names: ["x-auth-user"],
    fields: ["x_auth_user", "x-auth_user", "x.auth.user", "x~auth!user", "x-auth-user"],
    found: ["x_auth_user", "x-auth_user", "x.auth.user", "x~auth!user"],
  },
  { title: "a name with _ and a field with -", names: ["x_a"], fields: ["x-a", "x_a"], found: ["x-a"] },
  {
    title: "both spellings in the names",
    names: ["x-a", "x_a"],
    fields: ["x-a", "x_a", "x.a"],
    found: ["x.a"],
  },
  { title: "separators at the ends", names: ["-a-"], fields: ["_a_", "a", "-a", "a_"], found: ["_a_"] },
  {
    title: "more, fewer or no separators",
    names: ["x-auth-user"],
    fields: ["xauthuser", "x__auth_user", "x_auth", "auth_user", "x_auth_user_"],
    found: [],
  },
  { title: "a name without letters", names: ["_"], fields: ["-", "--", "a"], found: ["-"] },
  { title: "a field sent twice", names: ["x-a"], fields: ["x_a", "x_a"], found: ["x_a", "x_a"] },
]

for (const { title, names, fields, found } of cases) {
  t.test(`lookalikes with ${title}: ${found.join(" ") || "none"}`, async (t) => {
    const sent = fields.map((name) => ({ name, value: "", line: `${name}:\r\n` }))
    t.same(lookalikesOf(names, sent), found)
  })
}
