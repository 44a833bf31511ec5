/* Makes a process, or becomes another program, as the first argument says. Exits with 7. */

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    const char *word = argv[1];
    char *arguments[] = {argv[argc - 1], "child", NULL}, *environment[] = {NULL};
    pid_t child;

    if (!strcmp(word, "child"))
        return 5;
    if (!strcmp(word, "fork")) {
        child = fork();
        if (!child)
            _exit(write(1, "child\n", 6));
        if (status_of(child) != 6)
            return 1;
    } else if (!strcmp(word, "vfork")) {
        child = vfork();
        if (!child)
            _exit(6);
        if (status_of(child) != 6)
            return 1;
    } else if (!strcmp(word, "spawn")) {
        /* The last argument is no program. QEMU's child has memory of its own, and cannot say so but by its status. */
        if (posix_spawn(&child, argv[argc - 1], NULL, NULL, arguments, environment) == 0 && status_of(child) != 127)
            return 1;
    } else if (!strcmp(word, "exec")) {
        execve(argv[argc - 1], arguments, environment);
        if (errno != ENOENT && errno != ENOEXEC)
            return 1;
    }
    return write(1, "parent\n", 7);
}
