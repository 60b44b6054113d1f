# Makes small pictures of the pages that fumehood_latex.sh has drawn: /outputs/.previews/NAME.png.
#
#     sh fumehood_previews.sh SOURCE FILES DISK
#
# One picture of a page does for all that shows it. Nothing comes near the limits on files and bytes of all writable
# folders; whoever starts this bounds its time, its memory and the size of what it writes.
set -u

pixels=1024  # width and height at most
pages=20
outputs=${FUMEHOOD_OUTPUTS:-/outputs}
build=${TMPDIR:-/tmp}/latex
name=$(basename "$1" .tex)
document=$build/$(dirname "$1")/$name.pdf

entries=$(find "$outputs" "$build" "$HOME" | wc -l)
used=$(du -sk "$outputs" "$build" "$HOME" | awk '{ sum += $1 } END { print sum }')
[ $(($2 - entries)) -gt $((4 * pages)) ] && [ $((($3 >> 10) - used)) -gt $((4 * pages * 1024)) ] || exit 0
mkdir -p "$outputs/.previews"
picture=$build/.page.png

page=1
while [ $page -le $pages ]; do
    set -- "$name-$page.svg" "$name-$page.png"
    [ $page != 1 ] || set -- "$name.pdf" "$name.svg" "$name.png" "$@"
    for file; do
        [ -f "$outputs/$file" ] || continue
        [ -f "$picture" ] || pdftocairo -png -singlefile -f $page -l $page -scale-to $pixels "$document" "${picture%.png}" || exit 0
        cp "$picture" "$outputs/.previews/$file.png"
    done
    rm -f "$picture"
    page=$((page + 1))
done
