declare module "fs-native-extensions" {
  /** Locks the whole file for this open file alone, until it is closed. @returns false when another one has locked it */
  export function tryLock(fd: number): boolean;
}
