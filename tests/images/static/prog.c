/* The one program of an image that holds nothing else: it sums the numbers in the file that it is given. */
#include <stdio.h>

int main(int count, char **words) {
    FILE *source = count > 1 ? fopen(words[1], "r") : NULL;
    FILE *result = fopen("/outputs/sum.txt", "w");
    double number, sum = 0;
    if (!source || !result)
        return 1;
    while (fscanf(source, "%lf", &number) == 1)
        sum += number;
    fprintf(result, "%g\n", sum);
    return fclose(result) ? 1 : 0;
}
