/* Calls in known numbers: fibonacci(5) is 15 of them, even(6) seven. No libc: vm-images/user/start calls guest_main. */

int fibonacci(int n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int odd(int n);

int even(int n)
{
    return n == 0 ? 1 : odd(n - 1);
}

int odd(int n)
{
    return n == 0 ? 0 : even(n - 1);
}

int guest_main(void)
{
    return fibonacci(5) + even(6);
}
