//! From files of any known kind to a [`Frame`](crate::frame::Frame).
