"""Does flatness say more of the downstream metric than the loss does? A battery of tests, a file each."""
