"""Makes every file system of this mount namespace read-only, and becomes
another command: read_only.py COMMAND... Run it under `unshare --mount`.

Not `mount -o remount,bind,ro` for each: that takes off flags which a namespace
of an ordinary user may not take off.
"""

import ctypes
import os
import sys

# <linux/mount.h>, <fcntl.h>; the number is that of every architecture.
SYS_MOUNT_SETATTR = 442
AT_FDCWD = -100
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 0x1


class MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64)
                for name in ("set", "clear", "propagation", "userns_fd")]


def main():
    attributes = MountAttributes(set=MOUNT_ATTR_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE,
                    ctypes.byref(attributes), ctypes.sizeof(attributes)):
        sys.exit("mount_setattr: " + os.strerror(ctypes.get_errno()))
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
