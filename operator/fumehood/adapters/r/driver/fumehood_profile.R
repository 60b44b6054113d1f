# Read by R before the program, which runs as itself: same commandArgs(), same traceback, same exit status.
#
# Checks the program's syntax, gives plots a device that writes to /outputs, seeds the
# generator if the job has a seed, and tells the line of an error. Only the first process
# does: what it starts finds nothing of this.

invisible(local({
    outputs <- Sys.getenv("FUMEHOOD_OUTPUTS", "/outputs")
    Sys.unsetenv("R_PROFILE_USER")
    program <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])

    expressions <- tryCatch(parse(program, keep.source = TRUE, encoding = "UTF-8"), error = function(error) {
        message("Error: ", conditionMessage(error))
        quit("no", status = 1, runLast = FALSE)
    })
    lines <- readLines(program, warn = FALSE, encoding = "UTF-8")
    done <- 0L  # expressions of the program that are through

    # Where in the program a function's source is, which R keeps without saying of which file it is.
    place <- function(srcref) {
        file <- attr(srcref, "srcfile")
        if (nzchar(file$filename)) {
            return(if (file.exists(file$filename)) paste0(file$filename, ":", srcref[1]))
        }
        if (done < length(expressions)) {
            text <- unlist(strsplit(file$lines, "\n", fixed = TRUE))
            for (first in seq_len(max(0, length(lines) - length(text) + 1))) {
                if (identical(lines[first + seq_along(text) - 1L], text)) {
                    return(paste0(program, ":", first + srcref[1] - 1L))
                }
            }
        }
        NULL
    }

    tell <- function() {
        if (done < length(expressions)) {
            where <- paste0(program, ":", attr(expressions, "srcref")[[done + 1L]][1])
            for (call in sys.calls()) {
                srcref <- attr(call, "srcref")
                if (!is.null(srcref)) {
                    found <- tryCatch(place(srcref), error = function(error) NULL)
                    where <- if (is.null(found)) where else found
                }
            }
            message("  at ", where)
        }
        message("Execution halted")
        quit("no", status = 1, runLast = FALSE)
    }

    devices <- 0L
    device <- function(width = 7, height = 5, ...) {
        devices <<- devices + 1L
        name <- if (devices == 1L) "plot-%03d.png" else sprintf("plot-%d-%%03d.png", devices)
        grDevices::png(file.path(outputs, name), width = width, height = height, units = "in", res = 144, type = "cairo")
    }

    options(
        device = device,
        bitmapType = "cairo",
        keep.source = TRUE,
        mc.cores = max(1L, as.integer(Sys.getenv("MC_CORES", "1")), na.rm = TRUE),
        error = tell,
        rlang_backtrace_on_error = "none"  # what is told of an error is short, or its beginning is lost
    )
    # PDF files would tell when they were made.
    setHook(packageEvent("grDevices", "onLoad"), function(...) grDevices::pdf.options(timestamp = FALSE))
    addTaskCallback(function(...) {
        done <<- done + 1L
        TRUE
    }, name = "fumehood")

    seed <- Sys.getenv("FUMEHOOD_SEED")
    if (nzchar(seed)) {
        set.seed(as.integer(seed))
    }

    reg.finalizer(globalenv(), function(...) {
        try(grDevices::graphics.off(), silent = TRUE)
    }, onexit = TRUE)
}))
