use super::Report;
pub fn text(_: &Report) -> anyhow::Result<String> {
    unreachable!()
}
