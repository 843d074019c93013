//! Values that must not be seen, and the scrubbing of text that may hold them.
