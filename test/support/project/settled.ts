/** Whether a promise has been settled, once all that was waiting to be done has been done. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  void promise.then(settle, settle)
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  return isSettled
}
