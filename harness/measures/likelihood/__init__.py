"""Log-likelihoods of continuations: questions from rows, their tokens, and how each kind of model scores them."""
