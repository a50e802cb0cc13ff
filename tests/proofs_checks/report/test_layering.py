import random
from itertools import pairwise

from proofs_checks.report.graph import NODE_HEIGHT, NODE_WIDTH, connected, dependency_graph
from proofs_checks.report.layering import layered

from .fabricated import results


def graph_of(seed, size):
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(size)]
    return {
        name: sorted(rng.sample(names[:place], min(place, rng.choice([0, 1, 1, 2, 4]))))
        for place, name in enumerate(names)
    }


def test_no_node_overlaps_and_every_edge_is_there():
    for seed in range(12):
        uses = graph_of(seed, 5 + 8 * seed)
        layout = layered(uses)
        assert set(layout.nodes) == set(uses)
        assert set(layout.edges) == {(used, user) for user, each in uses.items() for used in each}
        for used, user in layout.edges:
            points = layout.edges[used, user]
            assert points[0] == layout.nodes[used]
            assert points[-1] == layout.nodes[user]
            columns = [column for column, _ in points]
            assert columns == list(range(columns[0], columns[-1] + 1))
        by_column = {}
        for column, height in layout.nodes.values():
            by_column.setdefault(column, []).append(height)
            assert height >= 0
        for heights in by_column.values():
            heights.sort()
            assert all([after - before > 0.99 for before, after in pairwise(heights)])


def test_passing_edges_keep_off_nodes():
    for seed in range(8):
        layout = layered(graph_of(seed, 40))
        for points in layout.edges.values():
            for column, height in points[1:-1]:
                near = [abs(height - row) for at, row in layout.nodes.values() if at == column]
                assert min(near, default=1) > 0.7


def test_crossings_are_removed_where_they_can_be():
    layout = layered({"a": [], "b": [], "c": [], "x": ["c"], "y": ["b"], "z": ["a"]})
    order = [name for name, _ in sorted(layout.nodes.items(), key=lambda item: item[1])]
    assert [order[:3].index(name) for name in "abc"] == [order[3:].index(name) for name in "zyx"]


def test_layout_is_deterministic_and_nothing_is_no_problem():
    assert layered(graph_of(3, 50)) == layered(graph_of(3, 50))
    assert layered({}).nodes == {}
    assert "<svg" in dependency_graph([])


def test_the_picture_has_a_link_for_each_node_and_a_path_for_each_use():
    made = results()
    svg = dependency_graph(made)
    assert [result.statement.id for result in connected(made)] == ["theorem-4.1", "lemma-B.1", "lemma-B.2"]
    assert svg.count("<a href=") == 3
    ends = [("lemma-B.1", "theorem-4.1"), ("lemma-B.2", "theorem-4.1"), ("lemma-B.1", "lemma-B.2")]
    for used, user in ends:
        assert f'data-from="{used}" data-to="{user}"' in svg
    assert svg.count("<path data-from") == 3
    assert NODE_WIDTH > NODE_HEIGHT
