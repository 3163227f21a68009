"""What proposes tactics: a fixed list of core tactics, a heuristic that reads the goal, a neural network."""
