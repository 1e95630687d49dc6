use super::Report;
pub fn page(_: &Report) -> anyhow::Result<String> {
    unreachable!()
}
