// undici ships this file without types. What is declared here is proved by test/http/llhttp.test.ts.
declare module "llhttp/lib/llhttp/llhttp_simd-wasm.js" {
  const wasm: Buffer<ArrayBuffer>
  export default wasm
}
