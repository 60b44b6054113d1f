"""Loaded by the interpreter before the program, which runs as itself: same `__main__`, same traceback, same exit code.

Seeds the generators if the job has a seed, gives matplotlib its font cache, and, at
the very end, saves figures that were left open and makes previews. Only the first
process does: what it starts finds nothing of this.
"""

import atexit
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


class _Hook:
    """Tells when a module of interest is imported, before and after it is executed."""

    def __init__(self, before, after):
        self._before, self._after = before, after

    def find_spec(self, name, path=None, target=None):
        """Wrap the loader of a module that is waited for; every other import goes its way."""
        if name not in self._before and name not in self._after:
            return None
        from importlib.machinery import PathFinder

        before, after = self._before.pop(name, None), self._after.pop(name, None)
        spec = PathFinder.find_spec(name, path)
        if before:
            before()
        if spec is None or spec.loader is None or after is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            after(module)

        spec.loader.exec_module = exec_module
        return spec


def _quietly(step, *arguments):
    """Nothing here may change what becomes of the program."""
    try:
        step(*arguments)
    except Exception:  # noqa: S110  # nosec B110
        pass


def _lend_fonts():
    """Put the font cache that the image was built with where matplotlib looks: to make one takes longer than most plots."""
    import glob
    import shutil

    target = os.path.join(os.environ.get("MPLCONFIGDIR") or os.path.expanduser("~/.cache/matplotlib"))
    for cache in glob.glob("/usr/local/share/matplotlib/fontlist-*.json"):
        os.makedirs(target, exist_ok=True)
        shutil.copyfile(cache, os.path.join(target, os.path.basename(cache)))


def _note_saved_figures(backend_bases):
    print_figure = backend_bases.FigureCanvasBase.print_figure

    def noting(self, *arguments, **options):
        result = print_figure(self, *arguments, **options)
        self.figure._fumehood_saved = True
        return result

    noting.__doc__ = print_figure.__doc__
    backend_bases.FigureCanvasBase.print_figure = noting


def _save_open_figures(folder):
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        figure = pyplot.figure(number)
        path = os.path.join(folder, f"figure-{number}.png")
        if getattr(figure, "_fumehood_saved", False) or os.path.exists(path):
            continue
        try:
            figure.savefig(path)
        except Exception as error:
            print(f"figure {number} was left open and could not be saved: {error}", file=sys.stderr)


def _preview(folder):
    sys.path.insert(0, _HERE)
    try:
        import fumehood_previews
    finally:
        sys.path.remove(_HERE)
    fumehood_previews.make(folder)


def _seed(number):
    import random

    random.seed(number)


def _prepare(wanted):
    folder = os.environ.get("FUMEHOOD_OUTPUTS", "/outputs")
    after = {}
    if "previews" in wanted:
        atexit.register(_quietly, _preview, folder)  # what is registered first runs last
    if "figures" in wanted:
        after["matplotlib.backend_bases"] = _note_saved_figures
        # pyplot closes all figures at the end: what is registered after that runs before it.
        after["matplotlib._pylab_helpers"] = lambda _: atexit.register(_quietly, _save_open_figures, folder)
    seed = os.environ.get("FUMEHOOD_SEED")
    if seed is not None:
        _seed(int(seed))
        after["numpy.random"] = lambda module: module.seed(int(seed))
    before = {"matplotlib.font_manager": lambda: _quietly(_lend_fonts)}
    sys.meta_path.insert(0, _Hook(before, after))


def _hand_over():
    """Run the image's own sitecustomize, which this one hides."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if os.path.abspath(entry) != _HERE])
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_wanted = os.environ.pop("FUMEHOOD_PYTHON", None)
os.environ.pop("PYTHONPATH", None)
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
if _wanted is not None:
    _quietly(_prepare, _wanted.split(","))
_quietly(_hand_over)
