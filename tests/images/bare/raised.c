/* Says as whom it runs, and what that user may do: as setuid root, or with a file capability, more than whoever started it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    printf("euid %d\n", (int)geteuid());
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "CapEff:", 7))
            printf("%s", line);
    return 0;
}
