/** The result of `work`, which goes on anyway, or `otherwise` when it takes longer than `ms`. */
export async function within<T, U>(ms: number, work: Promise<T>, otherwise: U): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<U>((resolve) => {
    timer = setTimeout(resolve, ms, otherwise);
  });
  return await Promise.race([work, tooLate]).finally(() => {
    clearTimeout(timer);
  });
}
