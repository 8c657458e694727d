"""How the models of the zoo are made: their drills, their training, and the measuring of their cards."""
