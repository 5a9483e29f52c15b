/** Whether a promise has settled, after all pending continuations have run. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  void promise.then(settle, settle)
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  return isSettled
}
