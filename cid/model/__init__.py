"""The nouns of the layer: facts, values, attributes, entities, relationships."""
