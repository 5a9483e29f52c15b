/**
 * Options for `new Socket` that Node copies cheaply.
 *
 * Every socket begins with `{ ...options }`, to which Node adds properties. V8 11 (Node 20) gives each copy of
 * an ordinary object hidden classes of its own: 3 KB per session. After one object without prototype
 * has been copied there it copies all of them as dictionaries, also those of accepted sockets. Later versions
 * of V8 do neither, and lose nothing by it.
 */
export function socketOptions<Options extends object>(options: Options): Options {
  return Object.assign(Object.create(null), options)
}
