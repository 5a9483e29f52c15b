/** `GET /`: the admin page. It holds nothing secret, so it needs no token; what it shows does. */
import type { AdminResponse, AdminRoute } from "../route.js"
import { type AdminPage, composePage } from "./page.js"

/** The page is composed when it is first asked for. */
export function pageRoute(): AdminRoute {
  let response: AdminResponse | undefined
  return {
    method: "GET",
    path: "/",
    isPublic: true,
    handle: () => {
      response ??= toResponse(composePage())
      return response
    },
  }
}

function toResponse({ html, policy }: AdminPage): AdminResponse {
  return {
    status: 200,
    type: "text/html; charset=utf-8",
    body: Buffer.from(html),
    headers: { "Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin" },
  }
}
