"""What an einsum equation `input,kernel->output` says about shapes.

`"abc,cd->abd"`: letters of the input, of the kernel, of the output. `...` stands for further axes on the left or on the
right, the same in input and output.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters

from lamina.graph import ArgumentError
from lamina.layers.geometry import Shape

_FORM = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


class RankError(Exception):
    """The input has more or fewer axes than the equation; the text says what was expected."""


@dataclass(frozen=True)
class EinsumEquation:
    """The letters of an equation, ellipses written out for one rank of the input.

    Attributes:
        inputs, kernel, outputs: the letters.
        given: the output letters whose sizes the layer's `output_shape` gives, in order.
    """

    inputs: str
    kernel: str
    outputs: str
    given: str

    @property
    def summed(self) -> str:
        """Kernel letters that the output lacks."""
        return "".join(letter for letter in self.kernel if letter not in self.outputs)

    @property
    def made(self) -> str:
        """Kernel letters that the input lacks: the new features."""
        return "".join(letter for letter in self.kernel if letter not in self.inputs)

    @property
    def is_linear(self) -> bool:
        """Whether it is one product with a matrix over the last axes, which `F.linear` computes."""
        summed, made = self.summed, self.made
        lead = self.inputs.removesuffix(summed)
        shares_axes = len(summed + made) < len(self.kernel)
        return bool(summed and made) and not shares_axes and (self.inputs, self.outputs) == (lead + summed, lead + made)

    @property
    def linear_layout(self) -> tuple[int, ...]:
        """The kernel's axes in the order of F.linear's weight: new features first, summed ones last."""
        return tuple(self.kernel.index(letter) for letter in self.made + self.summed)

    def sizes(self, input_shape: Shape, output_shape: Sequence[int | None]) -> dict[str, int | None]:
        """The size of every letter, None where neither shape tells.

        Raises:
            ArgumentError: `output_shape` has another length than the equation, or contradicts the input.
        """
        if len(output_shape) != len(self.given):
            expected = f"{len(self.given)} sizes, for {', '.join(self.given)} of the output {self.outputs!r}"
            raise ArgumentError(
                "EinsumDense: output_shape does not fit the equation.", got=str(output_shape), expected=expected
            )
        sizes: dict[str, int | None] = dict(zip(self.inputs, input_shape, strict=True))
        for letter, size in zip(self.given, output_shape, strict=True):
            known = sizes.get(letter)
            if None not in (known, size) and known != size:
                raise ArgumentError(
                    f"EinsumDense: output_shape and the input differ in {letter!r}.",
                    got=f"{size} in output_shape {tuple(output_shape)}, {known} in the input {tuple(input_shape)}",
                    expected="the same size, or None in output_shape to take the input's",
                )
            sizes[letter] = size if known is None else known
        return sizes

    def bias_axes(self, axes: str) -> str:
        """Letters of the output from the first biased one on."""
        return self.outputs[min(self.outputs.index(letter) for letter in axes) :]


def read_equation(equation: str) -> re.Match[str]:
    """The parts of an equation.

    Raises:
        ArgumentError: not of the form `ab,bc->ac`, `...ab,bc->...ac` or `ab...,bc->ac...`; or a letter leads nowhere.
    """
    match = _FORM.fullmatch(equation)
    if match is None or (match[1], match[3]) != (match[5], match[7]) or (match[1] and match[3]):
        expected = "'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...'"
        raise ArgumentError("EinsumDense cannot read its equation.", got=repr(equation), expected=expected)
    _refuse_loose_letters(equation, match[2], match[4], match[6])
    return match


def parse_equation(equation: str, rank: int) -> EinsumEquation:
    """The equation for an input of `rank` axes.

    Raises:
        ArgumentError: not of the form `ab,bc->ac`, `...ab,bc->...ac` or `ab...,bc->ac...`; or a letter leads nowhere.
        RankError: the equation is for another number of axes.

    >>> parse_equation("...x,xy->...y", 3)
    EinsumEquation(inputs='abx', kernel='xy', outputs='aby', given='y')
    """
    match = read_equation(equation)
    inputs, kernel, outputs = match[2], match[4], match[6]
    extra = rank - len(inputs)
    if extra < 0 or (extra and not (match[1] or match[3])):
        due = f"{'at least ' if match[1] or match[3] else ''}{len(inputs)}"
        raise RankError(f"{due} axes, as {equation!r} has them, not {rank}")
    free = [letter for letter in ascii_letters if letter not in inputs + kernel + outputs][:extra]
    more = "".join(free)
    if match[1]:
        # The batch is the first of the axes that the ellipsis stands for, or the first letter where it stands for none.
        return EinsumEquation(more + inputs, kernel, more + outputs, outputs if more else outputs[1:])
    return EinsumEquation(inputs + more, kernel, outputs + more, outputs[1:])


def _refuse_loose_letters(equation: str, inputs: str, kernel: str, outputs: str) -> None:
    for letter in outputs:
        if letter not in inputs + kernel:
            raise ArgumentError(
                f"EinsumDense: {letter!r} of the output comes from nowhere.",
                got=repr(equation),
                expected="each letter of the output in the input or the kernel",
            )
    for letter in kernel:
        if letter not in inputs + outputs:
            raise ArgumentError(
                f"EinsumDense: {letter!r} of the kernel leads nowhere.",
                got=repr(equation),
                expected="each letter of the kernel in the input or the output",
            )
