"""Image classification on the layers of the policy network (`goengine.layers`)."""
