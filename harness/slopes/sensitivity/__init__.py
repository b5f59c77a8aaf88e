"""Whether a conclusion holds under other choices: of upstream corpus, learning rate, selection rule and train size."""
