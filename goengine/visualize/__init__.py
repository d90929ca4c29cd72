"""What a network has learned, and what an answer of it depends on: for image classifiers and policy networks alike.

    activations   what a layer gives: feature maps; what part of the input one of their points sees
    filters       the weights of the first layer
    ascent        the input that most excites a filter, a neuron or an output
    shapes        the local shapes of real games that fire a filter
    attribution   which inputs an output depends on: saliency, integrated gradients, occlusion
    stones        which stones a move depends on: taken off the board, one by one
    moves         a move as a score of the planes; its gradients on the board
    explain       both side by side: what ``goengine explain`` draws
    boards        a Go board drawn with colours and marks
    pictures      small PNG files, tiles
    extras        says which package is missing, in one line

Networks are taken as they come from `goengine.checkpoint.load_network` or `goengine.images`: in eval mode, with
tensors float (batch, channels, rows, columns). Nothing here changes a network.
"""
