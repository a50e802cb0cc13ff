"""The referee for proofs: DRAT by its definition, on Python sets, without watched literals."""

from __future__ import annotations

from collections import Counter

from sat_reduction.cnf import Formula

Clause = frozenset


def propagates_to_conflict(clauses, literals) -> bool:
    """Whether unit propagation refutes the clauses with these literals added as units."""
    true = set()
    todo = list(literals)
    while True:
        for literal in todo:
            if -literal in true:
                return True
            true.add(literal)
        todo = []
        for clause in clauses:
            if true & clause:
                continue
            open_literals = [literal for literal in clause if -literal not in true]
            if not open_literals:
                return True
            if len(open_literals) == 1:
                todo.append(open_literals[0])
        if not todo:
            return False


def is_rup(clauses, lemma) -> bool:
    return propagates_to_conflict(clauses, [-literal for literal in lemma])


def is_rat(clauses, lemma) -> bool:
    if not lemma:
        return False
    pivot = lemma[0]
    for clause in clauses:
        if -pivot in clause:
            resolvent = set(lemma) | (clause - {-pivot})
            tautology = any(-literal in resolvent for literal in resolvent)
            if not tautology and not is_rup(clauses, resolvent):
                return False
    return True


def holds(formula: Formula, lines) -> bool:
    """Whether a proof is right, every deletion carried out."""
    clauses = Counter(frozenset(clause) for clause in formula.clauses())
    clauses = Counter({c: k for c, k in clauses.items() if not any(-literal in c for literal in c)})
    for line in lines:
        words = line.split()
        literals = [int(word) for word in words if word != "d"][:-1]
        if words[0] == "d":
            clauses[frozenset(literals)] -= 1
            clauses = +clauses
            continue
        if not is_rup(clauses, literals) and not is_rat(clauses, literals):
            return False
        if not literals:
            return True
        clauses[frozenset(literals)] += 1
    return False
