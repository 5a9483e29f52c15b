/** The session of the raw client: a token that "rws-jwt" verifies, and others take for any cookie. */

/** Signed by HS256, valid until the year 2100. */
export const TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHAiOjQxMDI0NDQ4MDB9.d-m0SBxu_6ZC9zaHq9gwfTZF_WmqqlYWw1Tia9etvZo"
export const SECRET = "only for the benchmark, and known to everybody"
