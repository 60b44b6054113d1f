"""Loaded by the interpreter before the program, which runs as itself: same `__main__`, same traceback, same exit code.

Seeds the generators if the job has a seed, gives matplotlib its font cache, and, at
the very end, saves figures that were left open. Only the first process does: what
it starts finds nothing of this.

No module is imported before the program's own folder is on the path: a file of the
program may have the name of any module, and is meant then.
"""

import atexit
import os
import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder

_HERE = os.path.dirname(os.path.abspath(__file__))
_PROCESS = os.getpid()
_MOST_FIGURES = 100


class _Hook:
    """Tells when a module of interest is imported, before and after it is executed; gone when all were."""

    def __init__(self, before, after):
        self._before, self._after = before, after

    def find_spec(self, name, path=None, target=None):
        """Wrap the loader of a module that is waited for; every other import goes its way."""
        if name not in self._before and name not in self._after:
            return None
        before, after = self._before.pop(name, None), self._after.pop(name, None)
        if not self._before and not self._after:
            sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if before:
            _quietly(before)
        if spec is None or spec.loader is None or after is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            _quietly(after, module)

        spec.loader.exec_module = exec_module
        return spec


class _Noting:
    """A method that tells whose it was before it is called: a wrapper would stand in tracebacks."""

    def __init__(self, method, note):
        self._method, self._note = method, note

    def __get__(self, instance, owner):
        if instance is not None:
            _quietly(self._note, instance)
        return self._method.__get__(instance, owner)


def _quietly(step, *arguments):
    """Nothing here may change what becomes of the program."""
    try:
        step(*arguments)
    except Exception:  # noqa: S110  # nosec B110
        pass


def _at_end(step, *arguments):
    """Like atexit, but not in processes that the program forks."""
    atexit.register(lambda: os.getpid() == _PROCESS and _quietly(step, *arguments))


def _lend_fonts():
    """Put the font cache that the image was built with where matplotlib looks: to make one takes longer than most plots."""
    import glob
    import shutil

    target = os.path.join(os.environ.get("MPLCONFIGDIR") or os.path.expanduser("~/.cache/matplotlib"))
    for cache in glob.glob("/usr/local/share/matplotlib/fontlist-*.json"):
        os.makedirs(target, exist_ok=True)
        shutil.copyfile(cache, os.path.join(target, os.path.basename(cache)))


class _Figures:
    """The figures that a program leaves open and never saved to a file or a buffer."""

    def __init__(self, folder, most):
        self._folder, self._most, self._saved = folder, most, None

    def watch(self, backend_bases):
        """Note figures that the program saves itself."""
        from weakref import WeakSet

        self._saved = WeakSet()
        canvas = backend_bases.FigureCanvasBase
        canvas.print_figure = _Noting(canvas.print_figure, lambda one: self._saved.add(one.figure))

    def save(self):
        """Save the rest, as many as there may be artifacts."""
        pyplot = sys.modules["matplotlib.pyplot"]
        room = min(self._most - sum(len(files) for _, _, files in os.walk(self._folder)), _MOST_FIGURES)
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            if figure in self._saved or len(figure.get_children()) <= 1:  # its background alone
                continue
            try:
                if room <= 0:
                    raise OSError("there are too many files")
                figure.savefig(_free(self._folder, f"figure-{number}", ".png"))
                room -= 1
            except Exception as error:
                print(f"figure {number} was left open and is not saved: {error}", file=sys.stderr)


def _free(folder, stem, suffix):
    """Return a path that nothing has."""
    path, number = os.path.join(folder, stem + suffix), 2
    while os.path.lexists(path):
        path, number = os.path.join(folder, f"{stem}-{number}{suffix}"), number + 1
    return path


def _prepare(figures):
    folder = os.environ.get("FUMEHOOD_OUTPUTS", "/outputs")
    after = {}
    most = int(figures or 0)
    if most:
        left = _Figures(folder, most)
        after["matplotlib.backend_bases"] = left.watch
        # pyplot closes all figures at the end: what is registered after that runs before it.
        after["matplotlib._pylab_helpers"] = lambda _: _at_end(left.save)
    seed = os.environ.get("FUMEHOOD_SEED")
    if seed:
        after["random"] = after["numpy.random"] = lambda module: module.seed(int(seed))
    before = {"matplotlib.font_manager": _lend_fonts}
    sys.meta_path.insert(0, _Hook(before, after))


def _hand_over():
    """Run the image's own sitecustomize, which this one hides; without one, be as if there were none."""
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        raise ImportError("there is none", name="sitecustomize")  # which `site` expects, and says nothing
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _leave_the_path():
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    others = [entry for entry in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if os.path.abspath(entry) != _HERE]
    if any(others):
        os.environ["PYTHONPATH"] = os.pathsep.join(others)


_figures = os.environ.pop("FUMEHOOD_FIGURES", None)
_leave_the_path()
if _figures is not None:
    _quietly(_prepare, _figures)
_hand_over()
