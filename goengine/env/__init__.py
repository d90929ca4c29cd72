"""Go as a learning environment: many games at once as arrays (:mod:`goengine.env.batch`)."""
