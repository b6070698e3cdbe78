/* Under a postroom, by LD_PRELOAD: writes down, in order, all that changes in one directory, and
 * when it was synced, so that a test can say what a disk would have kept after a power cut. Can
 * let one call fail, as a disk does.
 *
 *   DISK_DIR    the directory; links are resolved
 *   DISK_LOG    the log: records of a `struct record`, and `length` octets
 *   DISK_FAULT  "sync|write SUFFIX N EIO|ENOSPC|SHORT": the N-th such call to a file whose name
 *               ends so fails; SUFFIX "" is written "*". SHORT writes half, which is no error.
 *   DISK_FORGETS_SYNCS  if set, syncs are not written down: as if nobody had asked for any
 *
 * A change is written down before it is made, a sync after it is done, both under one mutex: if
 * the process is killed, at most the last change in the log was not made. Memory-mapped files
 * (`-shm`) are left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
    uint64_t kind, inode, offset, length;
};

enum { CREATE = 'C', WRITE = 'W', LENGTH = 'L', SYNC = 'S', FAILED = 'F', UNLINK = 'U',
       RENAME = 'R', UNDONE = 'X', REFUSED = 'E' };

#define FDS 4096
static char names[FDS][64]; /* of files in the directory; "." is the directory */
static char dir[PATH_MAX];
static size_t dir_length;
static int sink = -1, forgets;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct { char call[8], suffix[64], how[8]; long n; } fault;

static void put(const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t n = syscall(SYS_write, sink, at, length);
        if (n <= 0)
            abort(); /* a log with a hole would blame the innocent */
        at += n;
        length -= (size_t)n;
    }
}

static void tell(int kind, uint64_t inode, uint64_t offset, const void *bytes, size_t length)
{
    struct record record = { (uint64_t)kind, inode, offset, length };
    put(&record, sizeof record);
    put(bytes, length);
}

__attribute__((constructor)) static void begin(void)
{
    const char *where = getenv("DISK_DIR"), *log = getenv("DISK_LOG"), *how = getenv("DISK_FAULT");
    if (!where || !log || !realpath(where, dir))
        return;
    dir_length = strlen(dir);
    forgets = getenv("DISK_FORGETS_SYNCS") != NULL;
    if (how && sscanf(how, "%7s %63s %ld %7s", fault.call, fault.suffix, &fault.n, fault.how) != 4)
        abort();
    sink = (int)syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    if (sink < 0)
        abort();
}

static int ends_with(const char *name, const char *end)
{
    size_t a = strlen(name), b = strlen(end);
    return a >= b && strcmp(name + a - b, end) == 0;
}

/* The name below the directory, or NULL. The copies of the configuration are for people to read:
   nothing depends on them. */
static const char *below(const char *path)
{
    static const char copies[] = "config.last-good";
    if (sink < 0 || strncmp(path, dir, dir_length) != 0 || path[dir_length] != '/')
        return NULL;
    const char *name = path + dir_length + 1;
    int counts = !ends_with(path, "-shm") && strncmp(name, copies, sizeof copies - 1) != 0;
    return counts ? name : NULL;
}

static const char *name_of(int fd)
{
    return sink >= 0 && fd >= 0 && fd < FDS && names[fd][0] ? names[fd] : NULL;
}

static struct stat look(int fd)
{
    struct stat found = { 0 };
    int before = errno;
    fstat(fd, &found);
    errno = before;
    return found;
}

/* Whether this is the call that fails. */
static int fails(const char *call, const char *name)
{
    int meant = strcmp(fault.call, call) == 0
        && (strcmp(fault.suffix, "*") == 0 || ends_with(name, fault.suffix));
    if (!meant || fault.n < 0)
        return 0;
    if (fault.n > 1)
        return --fault.n, 0;
    if (strcmp(fault.how, "EROFS") != 0)
        fault.n = -1; /* once; but what is read-only stays so */
    return 1;
}

static int error_of_fault(void)
{
    if (strcmp(fault.how, "EROFS") == 0)
        return EROFS;
    return strcmp(fault.how, "ENOSPC") == 0 ? ENOSPC : EIO;
}

static void notice(int fd, int existed, off_t size)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (n <= 0 || fd >= FDS)
        return;
    path[n] = 0;
    const char *name = strcmp(path, dir) == 0 ? "." : below(path);
    if (!name || strlen(name) >= sizeof names[fd])
        return;
    strcpy(names[fd], name);
    struct stat now = look(fd);
    if (!existed)
        tell(CREATE, now.st_ino, 0, name, strlen(name));
    else if (now.st_size < size)
        tell(LENGTH, now.st_ino, 0, NULL, 0);
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    if (sink < 0)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat before = { 0 };
    int existed = fstatat(at, path, &before, 0) == 0;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int result = errno;
    if (fd >= 0)
        notice(fd, existed, before.st_size);
    pthread_mutex_unlock(&lock);
    errno = result;
    return fd;
}

#define MODE                                                                                       \
    mode_t mode = 0;                                                                               \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                           \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
    }

int open(const char *path, int flags, ...)
{
    MODE return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    MODE return open_at(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    MODE return open_at(at, path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        names[fd][0] = 0;
    return (int)syscall(SYS_close, fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset)
{
    struct stat file = look(fd);
    pthread_mutex_lock(&lock);
    int failing = fails("write", names[fd]);
    ssize_t n = -1;
    if (failing)
        tell(REFUSED, 0, 0, names[fd], strlen(names[fd]));
    if (failing && strcmp(fault.how, "SHORT") == 0) {
        length = (length + 1) / 2;
        failing = 0;
    }
    if (failing) {
        errno = error_of_fault();
    } else {
        tell(WRITE, file.st_ino, (uint64_t)offset, bytes, length);
        n = syscall(SYS_pwrite64, fd, bytes, length, offset);
        int result = errno;
        if (n < (ssize_t)length)
            tell(UNDONE, file.st_ino, 0, NULL, 0);
        if (n > 0 && n < (ssize_t)length)
            tell(WRITE, file.st_ino, (uint64_t)offset, bytes, (size_t)n);
        errno = result;
    }
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    if (name_of(fd))
        return write_at(fd, bytes, length, offset);
    return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (!name_of(fd))
        return syscall(SYS_write, fd, bytes, length);
    int appends = fcntl(fd, F_GETFL) & O_APPEND;
    off_t offset = lseek(fd, 0, appends ? SEEK_END : SEEK_CUR);
    ssize_t n = write_at(fd, bytes, length, offset);
    if (n > 0)
        lseek(fd, offset + n, SEEK_SET);
    return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (!name_of(fd))
        return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len > 0)
            return write(fd, parts[i].iov_base, parts[i].iov_len); /* the caller goes on */
    return 0;
}

int ftruncate64(int fd, off_t length)
{
    if (!name_of(fd))
        return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    tell(LENGTH, look(fd).st_ino, (uint64_t)length, NULL, 0);
    int done = (int)syscall(SYS_ftruncate, fd, length);
    int result = errno;
    if (done != 0)
        tell(UNDONE, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = result;
    return done;
}

int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

static int sync_it(int fd, long call)
{
    const char *name = name_of(fd);
    if (!name)
        return (int)syscall(call, fd);
    struct stat file = look(fd);
    pthread_mutex_lock(&lock);
    int done = -1, result = error_of_fault();
    if (fails("sync", name)) {
        tell(FAILED, file.st_ino, 0, name, strlen(name));
    } else {
        done = (int)syscall(call, fd);
        result = errno;
        if (done == 0 && !forgets)
            tell(SYNC, file.st_ino, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    errno = result;
    return done;
}

int fsync(int fd)
{
    return sync_it(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_it(fd, SYS_fdatasync);
}

int unlink(const char *path)
{
    const char *name = below(path);
    if (!name)
        return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    tell(UNLINK, 0, 0, name, strlen(name));
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int result = errno;
    if (done != 0)
        tell(UNDONE, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = result;
    return done;
}

int rename(const char *from, const char *to)
{
    const char *old = below(from), *new = below(to);
    if (!old || !new)
        return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    char both[2 * PATH_MAX];
    int length = snprintf(both, sizeof both, "%s/%s", old, new);
    pthread_mutex_lock(&lock);
    tell(RENAME, 0, 0, both, (size_t)length);
    int done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int result = errno;
    if (done != 0)
        tell(UNDONE, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = result;
    return done;
}
