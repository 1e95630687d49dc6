use super::Report;
pub fn text(_: &Report) -> String {
    unreachable!()
}
