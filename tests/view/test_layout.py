"""The layout: nothing overlaps, everything flows one way, lines go around boxes, chains are straight."""

from __future__ import annotations

import random
import sys
from itertools import combinations, pairwise, permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.graph.errors import GraphError
from lamina.view.layout import Box, Edge, Spacing, lay_out
from lamina.view.layout.layers import layered
from lamina.view.layout.order import order_layers
from lamina.view.layout.ranks import assign_ranks, path_lengths
from tests.view.graphs import along, crossings, graphs, residual_chain, sampled, span, tangle

DIRECTIONS = st.sampled_from(["TB", "LR"])
NEARLY = 0.05  # pixels: coordinates are rounded to hundredths


def overlap(one, other) -> float:
    """How far two spans overlap; negative: how far apart they are."""
    return min(one[1], other[1]) - max(one[0], other[0])


def inside(point, a, wide, long) -> bool:
    return wide[0] + NEARLY < point[1 - a] < wide[1] - NEARLY and long[0] + NEARLY < point[a] < long[1] - NEARLY


@settings(max_examples=150)
@given(graphs(), DIRECTIONS)
def test_boxes_keep_their_size_and_their_distance(graph, direction):
    boxes, edges = graph
    drawing = lay_out(boxes, edges, direction)
    for box in boxes:
        rect = drawing.boxes[box.key]
        assert (rect.width, rect.height) == (box.width, box.height)
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.x + rect.width <= drawing.width + NEARLY
        assert rect.y + rect.height <= drawing.height + NEARLY
    for one, other in combinations(drawing.boxes.values(), 2):
        apart = -min(overlap(span(one, axis), span(other, axis)) for axis in (0, 1))
        assert apart >= min(Spacing().boxes, Spacing().ranks) - NEARLY


@settings(max_examples=150)
@given(graphs(), DIRECTIONS)
def test_lines_lead_from_rim_to_rim_with_the_flow(graph, direction):
    boxes, edges = graph
    drawing = lay_out(boxes, edges, direction)
    a = along(drawing)
    for edge, path in zip(edges, drawing.paths, strict=True):
        source, target = drawing.boxes[edge.source], drawing.boxes[edge.target]
        begin = span(source, a)[1] + boxes[edge.source].tail
        centre = sum(span(source, 1 - a)) / 2
        assert abs(path[0][a] - begin) < NEARLY
        assert abs(path[0][1 - a] - centre - edge.source_at) < NEARLY
        assert abs(path[-1][a] - span(target, a)[0]) < NEARLY
        assert span(target, 1 - a)[0] - NEARLY <= path[-1][1 - a] <= span(target, 1 - a)[1] + NEARLY
        places = [point[a] for point in path]
        assert places == sorted(places)
        assert places[-1] > places[0]


@settings(max_examples=150)
@given(graphs(), DIRECTIONS)
def test_no_line_runs_through_a_box_or_the_room_of_its_labels(graph, direction):
    boxes, edges = graph
    drawing = lay_out(boxes, edges, direction)
    a = along(drawing)
    for edge, path in zip(edges, drawing.paths, strict=True):
        points = list(sampled(path, drawing))
        for box in boxes:
            rect = drawing.boxes[box.key]
            wide, long = span(rect, 1 - a), span(rect, a)
            tail = (wide[0], max(wide[1], sum(wide) / 2 + box.beside)), (long[1], long[1] + box.tail)
            for point in points:
                assert not inside(point, a, wide, long), (edge, box)
                assert not inside(point, a, *tail), (edge, box)


@settings(max_examples=150)
@given(graphs(), DIRECTIONS)
def test_the_same_graph_gives_the_same_picture(graph, direction):
    boxes, edges = graph
    assert lay_out(boxes, edges, direction) == lay_out(boxes, edges, direction)


@given(st.lists(st.floats(10, 300), min_size=1, max_size=30), DIRECTIONS)
def test_a_chain_is_straight(widths, direction):
    boxes = [Box(i, width, 30.0) for i, width in enumerate(widths)]
    drawing = lay_out(boxes, [Edge(i, i + 1) for i in range(len(boxes) - 1)], direction)
    across = 1 - along(drawing)
    assert all(len(path) == 2 and path[0][across] == path[1][across] for path in drawing.paths)


def test_skips_go_around_a_straight_chain_on_one_side():
    boxes, edges = residual_chain(blocks=5)
    drawing = lay_out(boxes, edges)
    centres = {round(rect.x + rect.width / 2, 1) for rect in drawing.boxes.values()}
    assert len(centres) == 1
    skips = [(e, path) for e, path in zip(edges, drawing.paths, strict=True) if e.target - e.source > 1]
    assert len(skips) == 5
    for edge, path in skips:
        passed = [drawing.boxes[key] for key in range(edge.source + 1, edge.target)]
        assert len(path) == 4  # out, down the side in one run, in
        assert path[1][0] == path[2][0] > max(rect.x + rect.width for rect in passed)


def test_nested_skips_do_not_cross():
    """The shape of a U-Net: each skip encloses the one that begins after it."""
    n, depth = 16, 6
    edges = [Edge(i, i + 1) for i in range(n - 1)] + [Edge(k, n - 1 - k) for k in range(depth)]
    drawing = lay_out([Box(i, 80, 30) for i in range(n)], edges)
    lanes = [path[1][0] for path in drawing.paths[n - 1 :]]
    assert lanes == sorted(lanes, reverse=True)
    assert len(set(lanes)) == depth


def test_the_readers_of_one_tensor_share_a_trunk():
    boxes = [Box(i, 80, 30) for i in range(9)]
    chain = [Edge(i, i + 1) for i in range(8)]
    drawing = lay_out(boxes, [*chain, Edge(0, 4), Edge(0, 6), Edge(0, 8)])
    short, middle, long = drawing.paths[-3:]
    lane = long[1][0]
    assert short[1][0] == middle[1][0] == lane
    assert short[2][1] < middle[2][1] < long[2][1]
    apart = lay_out(boxes, [*chain, Edge(0, 4, 0, -9), Edge(0, 6, 1, 0), Edge(0, 8, 2, 9)])
    assert len({path[1][0] for path in apart.paths[-3:]}) == 3


def test_a_fork_stands_in_the_middle_of_its_branches():
    ways = [Edge("in", f"{k}{i}") if i == 0 else Edge(f"{k}{i - 1}", f"{k}{i}") for k in range(4) for i in range(k + 1)]
    edges = [*ways, *(Edge(f"{k}{k}", "out") for k in range(4))]
    boxes = [Box(key, 100, 30) for key in dict.fromkeys(key for e in edges for key in (e.source, e.target))]
    drawing = lay_out(boxes, edges)
    middle = {key: rect.x + rect.width / 2 for key, rect in drawing.boxes.items()}
    assert middle["00"] < middle["10"] < middle["20"] < middle["30"]
    for key in ("in", "out"):
        assert middle[key] == pytest.approx(sum(middle[f"{k}0"] for k in range(4)) / 4, abs=2)
    for k in range(4):
        assert len({round(middle[f"{k}{i}"], 1) for i in range(k + 1)}) == 1


def test_an_input_that_is_needed_late_stands_where_it_is_needed():
    edges = [Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge("late", 3)]
    drawing = lay_out([Box(key, 60, 30) for key in (0, 1, 2, 3, "late")], edges)
    assert drawing.boxes["late"].y == drawing.boxes[2].y


def test_pinned_boxes_stand_before_and_behind_all_others():
    boxes = [Box("first", 1, 1, pin="first"), *(Box(i, 60, 30) for i in range(3)), Box("last", 1, 1, pin="last")]
    drawing = lay_out(boxes, [Edge("first", 2), Edge(0, 1), Edge(0, "last")])
    inner = [drawing.boxes[i] for i in range(3)]
    assert drawing.boxes["first"].y < min(rect.y for rect in inner)
    assert drawing.boxes["last"].y > max(rect.y + rect.height for rect in inner)


def test_lines_that_are_told_where_to_touch_touch_there():
    boxes = [Box("a", 60, 30), Box("b", 60, 30), Box("c", 300, 30)]
    drawing = lay_out(boxes, [Edge("a", "c", target_at=120.0), Edge("b", "c", target_at=-120.0)])
    centre = drawing.boxes["c"].x + 150
    assert [path[-1][0] - centre for path in drawing.paths] == pytest.approx([120, -120], abs=NEARLY)
    assert drawing.boxes["b"].x < drawing.boxes["a"].x  # crossing lines were worth a change of order


def ordered(boxes, edges):
    """The ranks of a layout and its pieces of lines, once the order on each rank is chosen."""
    ends = [(e.source, e.target) for e in edges]
    rank = assign_ranks(len(boxes), ends, [None] * len(boxes))
    graph = layered(boxes, edges, ends, rank, path_lengths(len(boxes), ends))
    order_layers(graph)
    return graph.layers, [(s.up, s.down) for s in graph.segments]


def fewest_crossings(edges) -> int:
    """The least number of crossings of lines from boxes 0..3 to boxes 4..7, by trying all orders."""
    orders = product(permutations(range(4)), permutations(range(4, 8)))
    return min(crossings([list(above), list(below)], edges) for above, below in orders)


def test_few_lines_cross_between_two_ranks():
    got = best = 0
    for seed in range(40):
        edges = random.Random(seed).sample(list(product(range(4), range(4, 8))), 7)
        layers, segments = ordered([Box(i, 60, 30) for i in range(8)], [Edge(a, b) for a, b in edges])
        got += crossings(layers, segments)
        best += fewest_crossings(edges)
    assert best > 20
    assert got <= 1.15 * best


def test_few_lines_cross_over_many_ranks():
    """No optimum is known here: these graphs had 241 crossings when this was written, and 284 without swaps."""
    assert sum(crossings(*ordered(*tangle(seed))) for seed in range(60)) <= 250


def test_lines_are_short():
    """So here: 235.6 thousand pixels across, and 242.4 where boxes that push each other did not move together."""
    total = 0.0
    for seed in range(60):
        total += sum(abs(a[0] - b[0]) for path in lay_out(*tangle(seed)).paths for a, b in pairwise(path))
    assert total <= 237_500


def calls_made(boxes, edges) -> int:
    """How many functions, Python's own included, a layout calls: a measure of its work that no clock disturbs."""
    count = 0

    def on_event(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        lay_out(boxes, edges)
    finally:
        sys.setprofile(before)
    return count


def test_the_work_grows_as_the_graph_does():
    small, large = (calls_made(*residual_chain(blocks)) for blocks in (40, 160))
    assert large < 4.4 * small


def test_depth_costs_no_recursion():
    n = 5000
    drawing = lay_out([Box(i, 80, 30) for i in range(n)], [Edge(i, i + 1) for i in range(n - 1)])
    assert len(drawing.paths) == n - 1


@pytest.mark.parametrize(
    "boxes, edges, said",
    [
        ([Box(0, 9, 9), Box(1, 9, 9)], [Edge(0, 1), Edge(1, 0)], "in a circle"),
        ([Box(0, 9, 9), Box(0, 9, 9)], [], "same key"),
        ([Box(0, 9, 9)], [Edge(0, "nowhere")], "leads to no box"),
    ],
)
def test_impossible_graphs_are_refused(boxes, edges, said):
    with pytest.raises(GraphError, match=said):
        lay_out(boxes, edges)


def test_nothing_gives_an_empty_drawing():
    drawing = lay_out([], [])
    assert (drawing.width, drawing.height, drawing.boxes, drawing.paths) == (0.0, 0.0, {}, [])
