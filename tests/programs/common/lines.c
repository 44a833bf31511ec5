/* Code whose lines are out of order, inlined, in several files and left out: for tests of lines of source. */
#include "lines.h"

struct tree { struct tree *left, *right; int value; };
static struct tree nodes[64];
static int used;

static struct tree *add(struct tree *tree, int value)
{
    if (!tree) {
        tree = &nodes[used++];
        tree->value = value;
        return tree;
    }
    if (value < tree->value)
        tree->left = add(tree->left, value);
    else
        tree->right = add(tree->right, value);
    return tree;
}

__attribute__((noinline)) int work(int count)
{
    int values[16];
    for (int i = 0; i < 16; i++)
        values[i] = twice(i * count & 31);
    struct tree *tree = 0;
    for (int i = 0; i < 16; i++) tree = add(tree, values[i]);
    switch (count & 7) {
    case 0:
        return values[1];
    case 1:
        return values[2] + 3;
    case 5:
        used = 0;
        break;
    default:
        return tree->value;
    }
    return 0;
}

int left_out(int x)
{
    return x + twice(x);
}

int main(int count, char **arguments)
{
    return work(count) + (arguments != 0);
}
