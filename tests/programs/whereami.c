// Prints where it is, as the kernel says, and ends with 0 if it is there.
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size < 0)
        _exit(2);
    path[size] = 0;
    write(1, path, size);
    _exit(open(path, O_RDONLY) < 0);
}
