"""The sources of somebody else's package are no tests of ours."""

collect_ignore = ["third_party"]
