# Small pictures of plots and heads of tables, beside the artifacts: /outputs/.previews/NAME.png and NAME.json.
#
#     Rscript --vanilla fumehood_previews.R FILES DISK
#
# With what the environment has: pdftocairo for PDF, rsvg-convert for SVG and large
# PNG files. What it has not, and what cannot be read, gets none. Whoever starts this bounds
# its time, its memory and the size of what it writes.

FOLDER <- ".previews"
PIXELS <- 1024  # width and height at most
SMALL <- 512 * 1024  # a picture of no more bytes (and pixels) is its own preview
SMALL_TABLE <- 4 * 1024  # a text table of no more bytes, that would be shown whole, is its own preview
LARGEST <- 64 * 1024^2  # bytes of an artifact that is looked at
LARGEST_PREVIEW <- 1024^2
FILES <- 100
ROWS <- 20
COLUMNS <- 50
CELL <- 200

# Without coming near the limits on files and bytes of all writable folders.
make <- function(root, files, disk) {
    folders <- unique(c(root, Sys.getenv("TMPDIR", "/tmp"), Sys.getenv("HOME")))
    there <- list.files(folders, recursive = TRUE, all.files = TRUE, include.dirs = TRUE, full.names = TRUE)
    room <- min(FILES, (files - length(there)) / 3, (disk - sum(file.size(there), na.rm = TRUE)) / 2 / LARGEST_PREVIEW)
    names <- list.files(root, recursive = TRUE)
    makers <- list(png = picture, pdf = pdf, svg = svg, csv = table, tsv = table, rds = frame)
    for (name in utils::head(names, max(0, room))) {
        maker <- makers[[tolower(tools::file_ext(name))]]
        path <- file.path(root, name)
        if (is.null(maker) || file.size(path) > LARGEST) next
        target <- file.path(root, FOLDER, name)
        dir.create(dirname(target), showWarnings = FALSE, recursive = TRUE)
        try(suppressWarnings(maker(path, target)), silent = TRUE)
    }
}

convert <- function(program, ...) {
    system2(program, vapply(c(...), shQuote, ""), stdout = FALSE, stderr = FALSE)
}

pdf <- function(path, target) {
    convert("pdftocairo", "-png", "-singlefile", "-scale-to", PIXELS, path, target)
}

svg <- function(path, target) {
    convert("rsvg-convert", "--keep-aspect-ratio", "--width", PIXELS, "--height", PIXELS, "--output", paste0(target, ".png"), path)
}

# A large PNG file is drawn smaller as the only part of an SVG file.
picture <- function(path, target) {
    size <- readBin(path, "integer", 6, endian = "big")[5:6]
    if (max(size) <= PIXELS && file.size(path) <= SMALL) return()
    folder <- tempfile()
    dir.create(folder)
    file.symlink(path, file.path(folder, "picture.png"))
    drawing <- file.path(folder, "picture.svg")
    writeLines(sprintf('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"><image href="picture.png" width="%d" height="%d"/></svg>', size[1], size[2], size[1], size[2]), drawing)
    svg(drawing, target)
}

table <- function(path, target) {
    separator <- if (grepl("\\.tsv$", path, ignore.case = TRUE)) "\t" else ","
    head <- utils::read.table(path, header = TRUE, sep = separator, quote = "\"", comment.char = "", colClasses = "character",
        check.names = FALSE, na.strings = character(), nrows = ROWS + 1, fill = TRUE, encoding = "UTF-8")
    if (nrow(head) > ROWS || ncol(head) > COLUMNS || file.size(path) > SMALL_TABLE) write(head, target)
}

frame <- function(path, target) {
    value <- readRDS(path)
    if (is.data.frame(value)) write(utils::head(value, ROWS + 1), target)
}

write <- function(table, target) {
    more <- nrow(table) > ROWS || ncol(table) > COLUMNS
    table <- utils::head(table, ROWS)[seq_len(min(ncol(table), COLUMNS))]
    cells <- lapply(table, function(column) text(if (is.numeric(column)) format(column, trim = TRUE, digits = 7) else column))
    rows <- if (nrow(table)) do.call(paste, c(unname(cells), sep = ", ")) else character()
    document <- sprintf('{"columns": [%s], "rows": [%s], "truncated": %s}', paste(text(names(table)), collapse = ", "),
        paste(sprintf("[%s]", rows), collapse = ", "), tolower(more))
    writeLines(enc2utf8(document), paste0(target, ".json"), useBytes = TRUE)
}

# As JSON has strings.
text <- function(values) {
    values <- substr(enc2utf8(as.character(values)), 1, CELL)
    values <- gsub("([\"\\\\])", "\\\\\\1", values)
    values <- gsub("\n", "\\n", values, fixed = TRUE)
    paste0('"', gsub("[[:cntrl:]]", " ", values), '"')
}

arguments <- commandArgs(TRUE)
make(Sys.getenv("FUMEHOOD_OUTPUTS", "/outputs"), as.numeric(arguments[1]), as.numeric(arguments[2]))
