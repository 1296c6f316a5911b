"""One network and its contenders: who takes part, who computes something else, how long each takes."""
import statistics

import contenders
import report
from contenders import LIMITS, Mien, OnnxRuntime, Torch, Unavailable


def all_contenders(precisions, caps):
    """The order is that of the columns."""
    ours = [Mien(p) for p in precisions] + [Mien(p, cpu) for cpu in caps for p in precisions]
    return [*ours, Mien("fp32", "blas"), OnnxRuntime(), Torch("fp32"), Torch("bf16")]


def say(text):
    print(text, flush=True)


class Match:
    """One network: who takes part, and who was found to compute something else."""

    def __init__(self, network, precisions, caps):
        self.network, self.errors, self.left_out, self.wrong = network, {}, {}, []
        self.contenders = all_contenders(precisions, caps)

    def leave_out(self, contender, reason):
        self.left_out[contender.name] = reason
        say("  %-22s left out: %s" % (contender.name, reason))

    def open(self, threads):
        """The contenders that can be had, opened."""
        opened = []
        for contender in self.contenders:
            try:
                contender.open(self.network, threads)
                opened.append(contender)
            except Unavailable as reason:
                self.leave_out(contender, str(reason))
        return opened

    def verify(self, opened):
        """Compares all with ONNX Runtime on one picture; returns those that may be timed."""
        picture = self.network.picture()
        judge = next((c for c in opened if c.name == OnnxRuntime.name), None)
        if judge is None:
            raise Unavailable("without ONNX Runtime nothing can be verified")
        expected, good = judge.outputs(picture), [judge]
        for contender in opened:
            if contender is judge:
                continue
            if contender.name.partition(" (")[0] in self.left_out:
                continue  # capped kernels have no precision the others lack
            try:
                error = contenders.worst_error(contender.outputs(picture), expected)
            except Unavailable as reason:
                self.leave_out(contender, str(reason))
                if contender.name == "mien fp32":
                    self.wrong.append(contender.name)
                continue
            self.errors[contender.name] = error
            if error > LIMITS[contender.precision]:
                if contender.name.startswith("mien"):  # a rival's mistakes are not ours to report
                    self.wrong.append(contender.name)
                self.leave_out(contender, "WRONG, relative RMS error %.1e" % error)
            elif contender.precision != "fp32" and error <= LIMITS["fp32"]:
                self.leave_out(contender, "it computes in fp32")
            else:
                good.append(contender)
                say("  %-22s agrees with ONNX Runtime: relative RMS %.1e" % (contender.name, error))
        return [c for c in opened if c in good]

    def time(self, threads, rounds, seconds):
        """The entry of one number of threads."""
        opened = self.open(threads)
        if not self.errors:
            say("%s, %dx%d" % (self.network.label, self.network.side, self.network.side))
            self.contenders = self.verify(opened)
        present = [c for c in opened if c in self.contenders]
        times = {c.name: [] for c in present}
        for _ in range(rounds):
            for contender in present:
                times[contender.name].append(contender.time(seconds))
        for contender in opened:
            contender.close()
        median = {name: statistics.median(values) for name, values in times.items()}
        rivals = [c.name for c in present if c.rival]
        entry = {
            "network": self.network.name,
            "label": self.network.label,
            "side": self.network.side,
            "threads": threads,
            "median_ms": {k: round(v, 3) for k, v in median.items()},
            "ratios": {
                c.name: {r: round(median[c.name] / median[r], 3) for r in rivals}
                for c in present
                if not c.rival
            },
            "rounds_ms": times,
            "relative_rms": self.errors,
            "left_out": self.left_out,
        }
        figures = ", ".join("%s %.1f" % pair for pair in median.items())
        say("  %s, ms: %s" % (report.thread_count(threads), figures))
        return entry
