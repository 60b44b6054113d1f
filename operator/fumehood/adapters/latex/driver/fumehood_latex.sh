# Makes a PDF, and pictures of it, of a LaTeX document, a TikZ picture or an equation.
#
#     sh fumehood_latex.sh SOURCE [--engine=pdflatex|lualatex|xelatex] [--formats=pdf,svg,png] [--date=YYYY-MM-DD]
#
# A source without \documentclass is put into one that is as large as what it draws. The
# source's folder is rebuilt of links where TeX may write; only results go to /outputs.
# TeX runs until nothing changes any more, and stops at the first error.
set -u

passes=5
pixels=4096  # width and height of a picture at most
here=$(cd "$(dirname "$0")" && pwd)
outputs=${FUMEHOOD_OUTPUTS:-/outputs}
build=${TMPDIR:-/tmp}/latex  # always the same: its name is hashed into the PDF

refuse() {
    printf '%s\n' "$1" >&2
    exit 2
}

source=$1
shift
engine=pdflatex
formats=
for option; do
    value=${option#*=}
    case $option in
        --engine=pdflatex | --engine=lualatex | --engine=xelatex) engine=$value ;;
        --formats=*)
            formats=$value
            for format in $(echo "$formats" | tr , ' '); do
                case $format in pdf | svg | png) ;; *) refuse "--formats: $format is none of pdf, svg, png" ;; esac
            done ;;
        --date=????-??-??) SOURCE_DATE_EPOCH=$(date -u -d "$value" +%s) || exit 2 ;;
        *) refuse "$option is no option of the latex adapter; there are --engine=pdflatex|lualatex|xelatex, --formats=pdf,svg,png, --date=YYYY-MM-DD" ;;
    esac
done
command -v "$engine" >/dev/null || refuse "this environment has no $engine"

folder=$(dirname "$source")
file=$(basename "$source")
name=${file%.tex}
errors=$folder/
[ "$folder" != . ] || errors=

# TeX finds what is beside the source, below /work and below /inputs by its name alone, and writes in the
# build folder alone. What it makes of fonts, if the image has not, goes to HOME. Dates are SOURCE_DATE_EPOCH.
export SOURCE_DATE_EPOCH FORCE_SOURCE_DATE=1
export openin_any=r openout_any=p shell_escape=f
export TEXMFVAR="$HOME/texmf-var" TEXMFHOME="$HOME/texmf" TEXMFCONFIG="$HOME/texmf-config"
export TEXINPUTS=".:$build:/inputs:" BIBINPUTS=".:$build:/inputs:" BSTINPUTS=".:$build:"
export max_print_line=1000 error_line=254 half_error_line=238

# LuaTeX looks for its list of fonts where it may write one, and to make one takes longer than most documents.
if [ $engine = lualatex ]; then
    mkdir -p "$TEXMFVAR/luatex-cache/generic"
    cp -R "$(kpsewhich -var-value=TEXMFSYSVAR)/luatex-cache/generic/names" "$TEXMFVAR/luatex-cache/generic/" 2>/dev/null || :
fi

cp -Rs "$PWD/." "$build" || exit 1
rm -rf "$build/.fumehood"
cd "$build/$folder" || exit 1
rm -f "$name.pdf" "$name.log" "$name.aux" "$name.toc" "$name.out"  # links to what was sent along, which TeX cannot replace

has() {
    grep -Eq "^[^%]*$1" "$file"
}

if has '\\document(class|style)'; then
    kind=document start="\\input{$file}"
elif has '\\begin *\{tikzpicture\}|^[^%]*\\tikz'; then
    kind=picture
else
    kind=equation
fi
if [ $kind != document ]; then
    cp "$here/fumehood_$kind.tex" "$build/" || exit 1
    start="\\def\\FumehoodSource{$file}\\input{fumehood_$kind.tex}"
fi

# What the next run reads of this one; of a document that refers to nothing that is nothing.
state() {
    find . -type f \( -name '*.aux' -o -name '*.toc' -o -name '*.lo[ft]' -o -name '*.out' -o -name '*.bbl' -o -name '*.ind' -o -name '*.nav' \) \
        -exec cat '{}' + | grep -v -e '^\\relax *$' -e '^\\gdef \\@abspage@last{' | cksum
}

# Tell the first error, with the place in the user's own file, and keep TeX's log. After a missing file TeX
# asks for another name, which is of no use here.
failed() {
    awk -v folder="$errors" '
        /^Type X to quit/ { exit }
        /^(! |[^ :]+:[0-9]+: )/ && !/: +==> Fatal error|: Emergency stop/ { sub(/^\.\//, ""); if (!/^!/) $0 = folder $0; left = 12 }
        left > 0 && NF { print substr($0, 1, 300); left-- }
        /^l\.[0-9]+ / { left = 0 }' "$name.log" | head -n 24 >&2
    cp "$name.log" "$outputs/"
    exit "$1"
}

tex() {
    "$engine" -no-shell-escape -interaction=nonstopmode -halt-on-error -file-line-error "$@" </dev/null
}

before=$(printf '' | cksum)
pass=1
while :; do
    tex -jobname="$name" "$start" || failed $?
    if [ $pass = 1 ]; then
        if grep -qs '\\bibdata' "$name.aux"; then
            bibtex -terse "$name" || { echo "bibtex could not make the bibliography" >&2; exit 1; }
        fi
        [ ! -s "$name.idx" ] || makeindex -q "$name" || exit 1
    fi
    after=$(state)
    if [ "$before" = "$after" ] || [ $pass = $passes ]; then
        break
    fi
    before=$after
    pass=$((pass + 1))
done
[ -s "$name.pdf" ] || { echo "$source: no page was made" >&2; exit 1; }

pages=$(pdfinfo "$name.pdf" | sed -n 's/^Pages: *//p')
if [ -z "$formats" ]; then
    formats=pdf
    [ "$pages" != 1 ] || formats=pdf,svg,png
fi

# 300 dots an inch, fewer where that is too large a picture.
resolution() {
    longest=$(pdfinfo -f "$1" -l "$1" "$name.pdf" | sed -n 's/^Page.* size: *\([0-9]*\)[0-9.]* x \([0-9]*\).*/\1\n\2/p' | sort -n | tail -n 1)
    [ $((${longest:-0} * 300 / 72)) -le $pixels ] && echo "-r 300" || echo "-scale-to $pixels"
}

# dvisvgm draws glyphs and strokes as TeX and TikZ mean them. It needs DVI, for which documents may not be
# made; they, and what other engines make, are drawn from the PDF.
vector() {
    if [ $kind != document ] && [ $engine = pdflatex ] && [ "$pages" = 1 ] && command -v dvisvgm >/dev/null &&
        tex -output-format=dvi -jobname="$name-dvi" "\\def\\pgfsysdriver{pgfsys-dvisvgm.def}$start" >/dev/null &&
        dvisvgm --no-fonts --bbox=papersize --verbosity=1 --output="$2" "$name-dvi.dvi"; then
        return
    fi
    pdftocairo -svg -f "$1" -l "$1" "$name.pdf" "$2"
}

draw() {
    page=1
    while [ $page -le "$pages" ]; do
        target=$outputs/$name
        [ "$pages" = 1 ] || target=$target-$page
        case $1 in
            svg) vector $page "$target.svg" || exit 1 ;;
            png) pdftocairo -png -singlefile -f $page -l $page $(resolution $page) "$name.pdf" "$target" || exit 1 ;;
        esac
        page=$((page + 1))
    done
}

for format in $(echo "$formats" | tr , ' '); do
    if [ "$format" = pdf ]; then
        cp "$name.pdf" "$outputs/" || exit 1
    else
        draw "$format"
    fi
done
