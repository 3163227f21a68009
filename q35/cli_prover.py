"""The commands of the prover: `q35 prove` and `q35 prover …`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from q35 import cli_prover_bench
from q35.cli_project import Json, ToolchainSetting, print_json
from q35.errors import CheckFailed, InputError

prover = typer.Typer(help="Search for proofs, train and compare policies.", no_args_is_help=True, add_completion=False)
prover.add_typer(cli_prover_bench.bench, name="bench")


@prover.command()
def speed(
    rounds: Annotated[int, typer.Option(min=1, help="How often each tactic is run on each goal.")] = 5,
    imports: Annotated[str, typer.Option(metavar="HEADER", help="What the goals' file begins with.")] = "import Init",
    toolchain: ToolchainSetting = None,
    json_: Json = False,
) -> None:
    """Tactic steps per second of one Lean process, over a fixed mix of goals and tactics."""
    from q35.lean import find_toolchain, terminal_report
    from q35.project import find_project
    from q35prover.server import Client
    from q35prover.server.speed import measure

    lean = find_toolchain(find_project() / "proofs", toolchain)
    with terminal_report() as report, Client(lean) as client:
        figures = measure(client, lean, rounds, imports, report)
    if json_:
        return print_json(figures.as_json())
    print(figures.shown())


@prover.command()
def extract(
    mathlib: Annotated[
        Path, typer.Option(metavar="DIR", help="A checkout of Mathlib, of any version; nothing is built.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set to write; gzip if named `.gz`.")],
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; one a core if not given.")] = None,
    json_: Json = False,
) -> None:
    """Read the tactic steps out of Mathlib's text. A run that was ended goes on where it was."""
    from q35.lean.progress import terminal_report
    from q35prover.extract.mathlib import extract as work
    from q35prover.train.expert_iteration import held_out_statements

    with terminal_report() as report:
        header = work(mathlib, out, jobs, report, tuple(held_out_statements()))
    if json_:
        return print_json(header)
    files = header["provenance"]["files"]
    print(f"{header['steps']:,} steps of {header['theorems']:,} theorems in {files:,} files; {header['splits']}")


@prover.command()
def generate(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON document to write.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same goals.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many goals.")] = 1000,
) -> None:
    """Make up goals of our field, true by construction, none that resembles a held-out one."""
    from q35.files import write_whole
    from q35prover.train.expert_iteration import held_out_statements
    from q35prover.train.generate import document
    from q35prover.train.generate import generate as work

    write_whole(out, document(seed, work(seed, count, held_out_statements())))


@prover.command()
def collect(
    journal: Annotated[Path, typer.Option(metavar="FILE", help="What was tried; a later run goes on from it.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set of all proofs in the journal.")],
    policy: Annotated[
        str, typer.Option(help="portfolio or heuristic; replay: the proofs of our library and of the goals for tuning.")
    ] = "heuristic",
    seconds: Annotated[float, typer.Option(min=0, help="When to stop.")] = 300,
    workers: Annotated[int, typer.Option(min=1, help="Lean processes, of 2.5 GB each.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the exercises.")] = 0,
    generated: Annotated[int, typer.Option(min=0, help="How many goals of our own.")] = 1000,
    library: Annotated[int, typer.Option(min=0, help="How many statements of Lean's own library.")] = 0,
    field: Annotated[bool, typer.Option(help="The benchmark's goals for tuning too.")] = True,
    own: Annotated[bool, typer.Option(help="Of `replay`: our library's proofs too.")] = True,
    variants: Annotated[int, typer.Option(min=0, help="Of `replay`: so many variants of each proof.")] = 0,
    probes: Annotated[int, typer.Option(min=0, help="Of `replay`: other tactics to try on each state.")] = 0,
    untrained: Annotated[bool, typer.Option(help="Of `replay`: only what is never trained on; for `mix`.")] = False,
    json_: Json = False,
) -> None:
    """Search for proofs of exercises, or replay written ones, and make a data set of them."""
    from q35.lean import find_toolchain, terminal_report
    from q35.project import find_project
    from q35prover.policy.by_name import policy_by_name
    from q35prover.search.mcts import Mcts
    from q35prover.server.pool import Pool
    from q35prover.train import expert_iteration as work
    from q35prover.train.replay import field_proofs, library_proofs

    proofs = find_project() / "proofs"
    toolchain = find_toolchain(proofs)
    with terminal_report() as report, Pool(toolchain, workers, report=report) as pool:
        if policy == "replay":
            references = field_proofs(find_project() / "tests" / "field_proofs") if field else ()
            written = [*references, *(library_proofs(proofs) if own else ())]
            if untrained:
                written = [proof for proof in written if work.side_of(proof.original) != "train"]
            written = work.with_variants(written, variants, seed)
            prober = policy_by_name("heuristic", toolchain, proofs, report) if probes else None
            exercises, solve = work.written_exercises(written), work.by_replay(pool, written, prober, probes)
        else:
            exercises = work.generated_exercises(seed, generated, proofs) if generated else []
            exercises += work.library_exercises(toolchain, seed, library) if library else []
            exercises += work.field_exercises() if field else []
            solve = work.by_search(pool, policy_by_name(policy, toolchain, proofs, report), Mcts(), work.BUDGET)
        how = f"{policy} and probe" if policy == "replay" and probes else policy
        counts = work.collect(exercises, how, solve, journal, seconds, report)
    header = work.write_collected(journal, out, work.held_out_statements())
    if json_:
        return print_json({"schema": "q35.collected/1", "counts": counts, "data": header})
    tried = f"{counts['proved']} of {counts['tried']} proved in {counts['minutes']} minutes"
    print(f"{tried}; {header['steps']:,} steps of {header['theorems']:,} theorems in the data set")


@prover.command()
def train(
    data: Annotated[list[Path], typer.Argument(help="Data sets of tactic steps (q35.tactic-steps/1).")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the training; one begun there goes on.")],
    preset: Annotated[str, typer.Option(help="toy, small or large: prover/train/config.py.")] = "small",
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the preset.")
    ] = None,
    start: Annotated[Path | None, typer.Option(metavar="DIR", help="Begin with the weights of this training.")] = None,
    json_: Json = False,
) -> None:
    """Train the neural policy: checkpoints, and metrics as JSON lines, in the folder of the training."""
    from q35.lean.progress import terminal_report
    from q35prover.train.config import configured
    from q35prover.train.loop import summary
    from q35prover.train.loop import train as run

    changes = dict(text.partition("=")[::2] for text in change or ())
    with terminal_report() as report:
        last = run(data, out, configured(preset, changes), start, report)
    print_json(last) if json_ else print(summary(last))


@prover.command()
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished training.")],
    data: Annotated[list[Path], typer.Argument(help="The data sets that it was trained on.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write the files that are shipped.")],
    json_: Json = False,
) -> None:
    """Write a trained policy in the 3.5-bit format, if the loss on held-out steps allows it, with its model card."""
    from q35prover.train.export import export as work

    result = work(run, out, data)
    if json_:
        return print_json(result)
    losses = [f"{loss:.3f} -> {result['loss_quantized'][kind]:.3f}" for kind, loss in result["loss_float"].items()]
    print(f"{out}: {result['bytes']:,} bytes, {result['format']}; loss in the format {', '.join(losses)}")


@prover.command()
def curves(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of a training, or of shipped weights.")],
    plot: Annotated[Path, typer.Option(metavar="FILE.svg", help="The figure to write.")],
) -> None:
    """Draw the learning curves of a training."""
    from q35prover.train.curves import read_metrics, write_curves

    write_curves(read_metrics(folder), plot)


@prover.command()
def mix(
    weights: Annotated[Path, typer.Argument(help="A folder that `export` wrote.")],
    journal: Annotated[Path, typer.Argument(help="What `collect --probes` tried.")],
    json_: Json = False,
) -> None:
    """Fit how far the neural policy trusts each of its parts, on what was tried on goals that it was not trained on."""
    from q35.lean import find_toolchain, terminal_report
    from q35.project import find_project
    from q35prover.policy.by_name import policy_by_name
    from q35prover.policy.neural import load_neural_policy
    from q35prover.train.expert_iteration import judged_states
    from q35prover.train.export import add_mixture
    from q35prover.train.mixture import fit

    proofs = find_project() / "proofs"
    with terminal_report() as report:
        heuristic = policy_by_name("heuristic", find_toolchain(proofs), proofs, report)
        policy = load_neural_policy(heuristic, weights)
        states = []
        for state, good in judged_states(journal, proofs):
            # What the heuristic named and nobody tried says nothing; what the network alone writes counts as wrong.
            judged = {tactic: what for tactic, what in policy.judged(state).items() if tactic in good or not what.other}
            states.append([(what, good.get(tactic, False)) for tactic, what in judged.items()])
        mixture, figures = fit(states)
    add_mixture(weights, mixture, figures)
    if json_:
        return print_json({"mixture": asdict(mixture), **figures})
    print(f"{mixture}: {figures}")


def prove(
    file: Annotated[str, typer.Argument(metavar="FILE[:THEOREM]", help="A Lean file with `sorry`s.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the file; in place by default.")
    ] = None,
    policy: Annotated[str, typer.Option(help="portfolio, heuristic, neural or a folder of weights.")] = "heuristic",
    method: Annotated[str, typer.Option(help="How to search: mcts or best-first.")] = "mcts",
    seconds: Annotated[float, typer.Option(min=1, help="Wall-clock seconds for each sorry.")] = 60.0,
    steps: Annotated[int | None, typer.Option(min=1, help="Tactics run for each sorry; no limit by default.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same search, unless seconds end it.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Lean processes to search with, 2.5 GB each.")] = 1,
    toolchain: ToolchainSetting = None,
    json_: Json = False,
) -> None:
    """Close the `sorry`s of a file: what the gate accepts is written, the file whole. Exit code 3 if one is left."""
    import math

    from q35.files import write_whole
    from q35.lean import find_toolchain
    from q35.lean.progress import terminal_report
    from q35.project import find_project
    from q35prover.gate.judge import Gate
    from q35prover.policy.by_name import policy_by_name
    from q35prover.prove import METHODS, Means, document, find_package
    from q35prover.prove import prove as work
    from q35prover.search.budget import Budget
    from q35prover.server import Pool

    name, _, theorem = file.partition(".lean:")
    path = Path(f"{name}.lean" if theorem else file)
    if method not in METHODS:
        raise InputError(f"no method {method!r}", None, f"one of {', '.join(METHODS)}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read: {error}", str(path)) from None
    package = find_package(path)
    lean = find_toolchain(package or find_project() / "proofs", toolchain)
    budget = Budget(seconds, steps or math.inf)
    with (
        terminal_report() as report,
        Pool(lean, workers, report=report) as pool,
        Gate(lean, report=report) as gate,
    ):
        means = Means(pool, policy_by_name(policy, lean, package, report), METHODS[method], budget, seed)
        written, results = work(text, means, gate, package, theorem or None, report)
    if written != text:
        write_whole(out or path, written.encode())
    if json_:
        print_json(document(str(out or path), results))
    else:
        for item in results:
            print(item.shown(str(path)))
    left = [item for item in results if not item.closed]
    if left:
        raise CheckFailed(
            f"{len(left)} of {len(results)} theorems are not proved, the first: {left[0].theorem}",
            str(path),
            document=json_,
        )
