declare module "fs-native-extensions" {
  /**
   * Locks the whole file for this file descriptor until it is closed.
   *
   * @returns false if another one holds the lock
   */
  export function tryLock(fd: number): boolean;
}
