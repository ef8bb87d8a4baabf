//! One pane.
