"""A clock that is set wrong while the processes that look at it run.

libfaketime 0.9.10 can't: with the monotonic clock left alone, as a step of the real one leaves it,
every time.sleep of Python fails (EINVAL).
"""

import shutil
import struct
import subprocess
from pathlib import Path

from tests.harness.lacking import lacking

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long *ahead;

__attribute__((constructor)) static void begin(void) {
    int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY);
    void *found = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || found == MAP_FAILED) abort();
    ahead = found;
    close(fd);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, id, now);
    if (!failed && id == CLOCK_REALTIME && ahead) now->tv_sec += *ahead;
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec found;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *place) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (place) *place = found.tv_sec;
    return found.tv_sec;
}
"""


class WrongClock:
    """Of all processes that get `env`: right until it is set. How time passes stays as it is."""

    def __init__(self, folder: Path) -> None:
        self._ahead, library = folder / "ahead", folder / "clock.so"
        self._ahead.write_bytes(struct.pack("l", 0))
        compile_library(library)
        self.env = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self._ahead)}

    def set(self, seconds: int) -> None:
        """So many seconds fast, slow when negative, from now on."""
        with self._ahead.open("r+b") as file:
            file.write(struct.pack("l", seconds))


def compile_library(path: Path) -> None:
    """Skips where there is no compiler, or fails where everything is to be tested."""
    compiler = shutil.which("cc")
    if compiler is None:
        lacking("a wrong clock can't be tried: there is no C compiler (gcc, libc6-dev)")
    command = [compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=SOURCE, text=True, check=True)
