"""Confidence of a model: how far to believe it, and when it should abstain.

A network that is right in 75 of 100 cases should be 75 % sure on average.
`temperature` divides its logits by one number so that it is, `reliability`
measures the rest, `abstaining` says what labels below a confidence are worth,
and `of_run` gathers all three for the tests of a run.

Throughout: probabilities are (utterances, classes), rows add up to 1; labels
are int (utterances,), the truth; the confidence is the probability of the
label that the model gives.
"""
