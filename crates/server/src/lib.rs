//! The post office: it stores and hands over what it cannot open.

pub mod storage;
