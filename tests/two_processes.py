"""Runs training/train.py in one process and in two, as torchrun would start them, but with all imports made once.

    python two_processes.py JOB...

A job is COUNT and the arguments of train.py, joined by tabs. COUNT processes are forked, with the usual environment
variables; jobs follow one another. The exit status is 0 if all of theirs are.
"""

import importlib
import os
import socket
import sys

from scripts import load_script


def main(jobs: list[str]) -> int:
    """Run the jobs."""
    for module in ("torch._dynamo", "torch.utils.tensorboard", "goengine.features"):
        importlib.import_module(module)  # what every child would otherwise load for itself, in seconds
    script = load_script("training/train.py")
    total = 0
    for job in jobs:
        count, *arguments = job.split("\t")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        children = []
        for rank in range(int(count)):
            child = os.fork()
            if not child:
                os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": count}
                os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
                status = script.main(arguments)
                sys.stderr.flush()
                os._exit(status)
            children.append(child)
        total += sum(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) for child in children)
    return int(total != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
