"""A network file for tests: a real, untrained network of two small layers."""

from __future__ import annotations

from pathlib import Path


def write_tiny_network(folder: Path, size: int = 9, architecture: str = "alphago") -> Path:
    """Write the file and return its path; the weights are the same each time."""
    import torch

    from goengine.checkpoint import save_network
    from goengine.networks import build_network

    path = folder / f"{'tiny' if architecture == 'alphago' else architecture}{size}.safetensors"
    torch.manual_seed(1)
    module = build_network(architecture, in_planes=48, num_actions=size * size, filters=4, depth=2)
    save_network(
        path,
        module,
        {"architecture": architecture, "feature_set": "alphago48", "board_size": size, "name": f"tiny {size}x{size}"},
    )
    return path
