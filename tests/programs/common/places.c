/* A function that is found by its symbol, wherever the program was loaded. */

__attribute__((noinline)) int here(int number)
{
    __asm__ volatile("");
    return number;
}

int main(int argc, char **argv)
{
    return here(argc - 1) + here(0);
}
