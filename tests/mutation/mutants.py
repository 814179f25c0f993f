"""Mutants: one change each that breaks the library, and the tests of which one must then fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One break.

    Attributes:
        file: where, from the root of the project.
        old: a piece of it that stands there once.
        new: what takes its place.
        tests: files, or tests in files, with spaces between.
    """

    file: str
    old: str
    new: str
    tests: str

    def applied(self, text: str) -> str:
        """The text of the file with the break."""
        return text.replace(self.old, self.new)

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}: {old[:60]} -> {new[:60] or 'nothing'}"


GRAPH, MODEL = "tests/graph/test_graph.py", "tests/models/test_model.py"
THREADS = "tests/layers/test_threads.py"
BUILDING, PROBING = "tests/layers/test_building.py", "tests/layers/test_probing.py"
VALUES, SIZES = "tests/layers/test_known_values.py", "tests/graph/test_sizes_in_calls.py"
MASKS = "tests/layers/test_masks.py tests/models/test_layers_of_users.py"
FOLDING, JOINING = "tests/models/test_folding.py", "tests/models/test_joining.py tests/models/test_aliasing.py"
READING = "tests/saving/test_refused_loading.py tests/saving/test_archive.py tests/saving/test_tensors.py"
STEPS = "tests/training/test_freezing.py tests/training/test_fit.py"
GROUPS = "tests/optimizers/test_optimizer.py"
BODIES = "tests/ops/test_control_in_graphs.py"
SIZES = "tests/graph/test_unknown_axes.py tests/layers/test_unknown_sizes.py"
MADE = "tests/models/test_layers_made_in_call.py"
FORMS, SET, PARTS = (f"tests/models/test_{name}.py" for name in ("call_forms", "setting_modules", "exchanged_parts"))
MOVING, MIXED = "tests/models/test_moving_dtypes.py", "tests/precision/test_mixed.py"
FACTS = "tests/layers/test_weight_facts.py"

MUTANTS = [
    # graph
    Mutant("lamina/graph/walk.py", "key_of(symbolic) in stop or done.get", "done.get", GRAPH),
    Mutant("lamina/graph/walk.py", "in reversed(list(outputs)) if", "in list(outputs) if", "tests/graph/test_layer_order.py"),
    Mutant("lamina/graph/walk.py", "reversed(_by_keys(node) if by_keys else node.inputs)", "(_by_keys(node) if by_keys else node.inputs)", f"{GRAPH}::test_layers_stand_in_keras_order_by_distance_from_the_outputs"),
    Mutant("lamina/graph/masks.py", "[reduce(and_, masks)]", "[masks[-1]]", "tests/operations/test_registry.py"),
    Mutant("lamina/graph/masks.py", 'if not masks or facts.mask == "unread":', "if not masks:", MASKS),
    Mutant("lamina/operations/table.py", "mish, dropout !,", "mish,", MASKS),
    Mutant("lamina/operations/table.py", " bernoulli !", " bernoulli", "tests/operations/test_registry.py"),
    Mutant("lamina/operations/registry.py", '("r", swapped)', '("r", functions)', "tests/operations/test_registry.py tests/saving/keras/test_operations.py"),
    Mutant("lamina/sizes/pointwise.py", "shapes[:1] if facts.casts else shapes", "shapes", "tests/operations/test_registry.py"),
    Mutant("lamina/sizes/pointwise.py", "0 if facts.changes else 1", "1", "tests/operations/test_registry.py"),
    Mutant("lamina/graph/records.py", "real(m) if m is not None else None for m", "None for m", "tests/layers/test_masks.py"),
    Mutant("lamina/graph/records.py", "(id(node), k), Ref(i, k))", "(id(node), k), Ref(i, 0))", f"{GRAPH}::test_copies_know_which_result_of_a_node_is_meant"),
    Mutant("lamina/graph/node.py", "(id(leaf.node), leaf.index), leaf)", "(id(leaf.node), 0), leaf)", "tests/graph/test_symbolic.py tests/graph/test_random_graphs.py tests/graph/test_misuse.py"),
    Mutant("lamina/sizes/tree.py", "pairs if type(value) is dict else _same_mapping(value, pairs)", "pairs", MODEL),
    Mutant("lamina/sizes/tree.py", "_collect((value.start, value.stop, value.step), found)", "_collect((value.start, value.stop), found)", "tests/graph/test_numbers.py"),
    Mutant("lamina/graph/graph.py", "max(before.get(symbolic.node, 0), own + 1)", "own + 1", "tests/graph/test_layer_order.py"),
    Mutant("lamina/graph/graph.py", " | {key_of(t) for t in self.outputs}\n", "\n", f"{GRAPH} {MODEL}"),
    Mutant("lamina/graph/graph.py", "new.setdefault((id(node), i), tensor)", "new[(id(node), i)] = tensor", f"{GRAPH}::test_a_result_that_is_an_input_stays_one_where_its_node_is_drawn_again_for_another_result"),
    Mutant("lamina/graph/graph.py", "tree.copied(inputs)", "inputs", MODEL),
    Mutant("lamina/graph/graph.py", "tree.copied(outputs)", "outputs", MODEL),
    Mutant("lamina/program.py", "        if dead:\n", "        if not dead:\n", "tests/models/test_as_module.py"),
    Mutant("lamina/program.py", 'return f"({text})" if text.startswith("-") else text', "return text", "tests/graph/test_symbolic.py"),
    Mutant("lamina/program.py", ' and value not in (float("inf"), float("-inf"))', "", MODEL),
    Mutant("lamina/program.py", "self.training if mode is None else mode", "self.training", "tests/models/test_as_module.py"),
    Mutant("lamina/program.py", "self._render, value))}{',' if len(value) == 1 else ''})", "self._render, value))})", MODEL),
    Mutant("lamina/program.py", " or keyword.iskeyword(base)", "", "tests/hostile/test_generated_code.py"),
    Mutant("lamina/program.py", "held if self.training is None else held.in_mode(self.training)", "held", BODIES),
    # masks
    Mutant("lamina/layers/mask_flow.py", "given.arguments.get(name) is not None or owner", "owner", "tests/layers/test_masks.py"),
    Mutant("lamina/layers/mask_flow.py", "    if given is not None:\n        return given\n", "", "tests/layers/test_masks.py"),
    Mutant("lamina/layers/mask_flow.py", "            kwargs[name] = masks", "            pass", MASKS),
    # models
    Mutant("lamina/models/binding.py", " and set(inputs) == set(self.structure):", ":", MODEL),
    Mutant("lamina/models/binding.py", " and shape[axis] is not None:", ":", MODEL),
    Mutant("lamina/models/binding.py", "self.rank - 1 and self.shape[-1] == 1:", "self.rank - 1:", MODEL),
    Mutant("lamina/models/binding.py", "tensor if weight is None else tensor.to(weight.device)", "tensor", "tests/precision/test_devices.py tests/ops/test_devices.py"),
    Mutant("lamina/layers/mode.py", "before, _asked.mode = _asked.mode, training", "before = _asked.mode", THREADS),
    Mutant("lamina/layers/mode.py", "        _asked.mode = before\n", "        _asked.mode = None\n", THREADS),
    Mutant("lamina/layers/mode.py", "class _Asked(threading.local):", "class _Asked:", THREADS),
    Mutant("lamina/layers/lending.py", "    if name in copy.__dict__:\n            layer", "    if False:\n            layer", THREADS),
    Mutant("lamina/layers/building.py", "if layer._has_built and layer._built_for is not None and (layer._built_for == given or layer.weights):", "if False:", BUILDING),
    Mutant("lamina/layers/building.py", "first = 0 if any", "first = 1 if any", BUILDING),
    Mutant("lamina/layers/building.py", "            layer.built = True\n", "", BUILDING),
    Mutant("lamina/probing/values.py", " or not all(map(self._is_own, written))", "", VALUES),
    Mutant("lamina/probing/values.py", "self._lost += [t for t in written if self._is_own(t)]", "pass", VALUES),
    Mutant("lamina/probing/values.py", "ours.set_state(", "torch.set_rng_state(", VALUES),
    Mutant("lamina/sizes/thresholds.py", "for step in (1, 0, -1)]", "for step in (0,)]", SIZES),
    Mutant("lamina/sizes/thresholds.py", "any(a == b for a, b", "all(a == b for a, b", SIZES),
    Mutant("lamina/sizes/search.py", "self.varies = self.varies or not same", "pass", SIZES),
    Mutant("lamina/checked_calls.py", "n in (None, m)", "True", SIZES),
    Mutant("lamina/layers/nested.py", "elif in_place and place", "elif place", "tests/layers/test_nested_order.py"),
    Mutant("lamina/probing/probe.py", "probe.stand_ins.give_back_parts()", "pass", PROBING),
    Mutant("lamina/probing/stand_in.py", "if _outlasts(v) and self._is_made(v, before.get(k))", "if self._is_made(v, before.get(k))", MADE),
    Mutant("lamina/layers/weights.py", "        if not probing():\n            self._losses", "        if True:\n            self._losses", PROBING),
    Mutant("lamina/models/lookup.py", "-len(layers) <= index <", "-len(layers) < index <", MODEL),
    Mutant("lamina/models/drawn.py", " and not self.masks.some", "", MASKS),
    Mutant("lamina/layers/base.py", "            if not self._trainable:\n                self.trainable = False\n", "", MODEL),
    Mutant("lamina/models/folding/of_model.py", "elif afresh or not drawn.folding", "elif not drawn.folding", FOLDING),
    Mutant("lamina/models/folding/of_model.py", "drawn.folding is None or not drawn.folding.holds()", "drawn.folding is None", FOLDING),
    Mutant("lamina/models/folding/of_model.py", "drawn.joining is None or not drawn.joining.holds()", "drawn.joining is None", JOINING),
    # folding and joining
    Mutant("lamina/models/folding/rules.py", "        self.readers.update(key_of(t) for t in graph.outputs)\n", "", FOLDING),
    Mutant("lamina/models/folding/rules.py", "found is None or found[0].adds:", "found is None:", "tests/models/test_aliasing.py"),
    Mutant("lamina/models/folding/rules.py", " and key_of(other) not in kept", "", f"{FOLDING} tests/models/test_aliasing.py"),
    Mutant("lamina/models/folding/rules.py", " and key_of(x) != key_of(other)", "", f"{FOLDING} tests/models/test_aliasing.py"),
    Mutant("lamina/models/folding/rules.py", "step.reuse = free and _makes_new_memory(other.node)", "step.reuse = free", f"{FOLDING} tests/models/test_aliasing.py"),
    Mutant("lamina/models/folding/rules.py", " == 1 and _makes_new_memory(args[0].node):", " == 1:", f"{FOLDING} tests/models/test_aliasing.py"),
    Mutant("lamina/models/folding/rules.py", "given.dtype == declared.dtype and ", "", FOLDING),
    Mutant("lamina/models/folding/rules.py", "if node.op._index != axis % rank:", "if False:", FOLDING),
    Mutant("lamina/models/folding/joining.py", "        self.readers.update(key_of(t) for t in graph.outputs)\n", "", JOINING),
    Mutant("lamina/models/folding/joining.py", "self.norm.training and self.norm.trainable", "self.norm.training", JOINING),
    Mutant("lamina/models/folding/joining.py", "None if op.rectifies else (op, new.node.args)", "op, new.node.args", JOINING),
    Mutant("lamina/models/folding/joining.py", "if sums and self.readers[key_of(node.args[0])] == 1 and", "if sums and", JOINING),
    Mutant("lamina/models/folding/fold.py", "weight._version != version or ", "", FOLDING),
    Mutant("lamina/models/folding/fold.py", " or weight.data_ptr() != pointer:", ":", FOLDING),
    Mutant("lamina/models/folding/settings.py", "                    return False\n        return True", "                    pass\n        return True", FOLDING),
    # training
    Mutant("lamina/training/step.py", " or self._needs_grad != [p.requires_grad for p in self._every]:", ":", STEPS),
    Mutant("lamina/training/step.py", "total if self._scale_loss is None else self._scale_loss(total)", "total", "tests/optimizers/test_loss_scale.py"),
    Mutant("lamina/training/step.py", "term.mean() if term.ndim else term", "term.sum() if term.ndim else term", f"{STEPS} {MASKS}"),
    Mutant("lamina/training/step.py", "first.shape[0] if first.ndim else 1)", "1)", STEPS),
    Mutant("lamina/training/step.py", '[place for place in places(self._parts, "regularizer") if place.is_trained]', 'places(self._parts, "regularizer")', STEPS),
    Mutant("lamina/training/step.py", "        for parameter in trained:\n            parameter.grad = None\n", "", STEPS),
    Mutant("lamina/training/naming.py", "dict(aliases or {}) | {name: i for i, name in enumerate(names)}", "{name: i for i, name in enumerate(names)} | dict(aliases or {})", "tests/training/test_outputs.py"),
    Mutant("lamina/training/class_weights.py", "[*values, 1.0]", "values", "tests/training/test_class_weights.py"),
    Mutant("lamina/training/class_weights.py", "clamp(-1, ", "clamp(0, ", "tests/training/test_class_weights.py"),
    Mutant("lamina/callbacks/save_freq.py", "            self.since_last = 0", "            self.since_last -= self._batches", "tests/callbacks/test_model_checkpoint.py"),
    Mutant("lamina/callbacks/saving_callback.py", "            self.best = before\n", "", "tests/callbacks/test_model_checkpoint.py"),
    Mutant("lamina/view/facts.py", ' and activation != "linear"', "", "tests/view/test_facts.py"),
    # functions
    Mutant("lamina/ops/choice.py", "chosen(index <= k,", "chosen(index < k,", "tests/ops/test_control.py"),
    Mutant("lamina/ops/body.py", "torch.as_tensor(value, dtype=dtype)", "torch.as_tensor(value)", f"{BODIES}::test_the_index_of_a_loop_has_the_dtype_that_it_was_drawn_with"),
    Mutant("lamina/ops/body.py", "        if self.fixed:\n", "        if False:\n", "tests/saving/test_ops.py tests/hostile/test_attacks.py"),
    Mutant("lamina/ops/body.py", "self.body.example([*_given(args), *self.captures])", "self.body.example([*self.captures, *_given(args)])", BODIES),
    # files
    Mutant("lamina/saving/fields.py", "not 0 <= value < count:", "not 0 <= value <= count:", READING),
    Mutant("lamina/saving/fields.py", "    for value in values:\n        if type(value) is not kind:", "    for value in values:\n        if not isinstance(value, kind):", READING),
    Mutant("lamina/saving/strict_json.py", "object_pairs_hook=_no_key_twice, ", "", "tests/saving/test_json.py"),
    Mutant("lamina/saving/strict_json.py", " or objects > MAX_OBJECTS", "", "tests/saving/test_json.py tests/hostile/test_attacks.py"),
    Mutant("lamina/saving/tensors.py", "        if start != end:", "        if start < end:", READING),
    Mutant("lamina/saving/tensors.py", "end != len(data) - values:", "end > len(data) - values:", READING),
    Mutant("lamina/saving/tensors.py", "tensor.ne(0) if dtype is torch.bool else tensor", "tensor.view(torch.bool) if dtype is torch.bool else tensor", READING),
    Mutant("lamina/saving/tensors.py", "            and len(shape) <= _MAX_AXES\n", "", READING),
    Mutant("lamina/saving/archive.py", "zlib.crc32(members[info.filename]) != info.CRC:", "False:", READING),
    Mutant("lamina/saving/archive.py", "info.header_offset < end or head > len(data)", "head > len(data)", READING),
    Mutant("lamina/saving/archive.py", "            os.fsync(file.fileno())\n", "", "tests/saving/test_killed.py tests/callbacks/test_model_checkpoint.py"),
    Mutant("lamina/saving/values.py", "len(data) > 1 or (word not in", "(word not in", "tests/saving/test_words.py"),
    Mutant("lamina/saving/values.py", 'type(key) is str and not key.startswith("$") for key in value', "type(key) is str for key in value", "tests/saving/test_json.py tests/saving/test_words.py"),
    # optimizers
    Mutant("lamina/optimizers/group.py", "            and list(map(_kind, grads)) == self._kinds\n", "", GROUPS),
    Mutant("lamina/optimizers/group.py", "            and list(map(_stride, self.parameters)) == self._strides\n", "", GROUPS),
    Mutant("lamina/optimizers/group.py", "if pointers != self._pointers:", "if not self._pointers:", GROUPS),
    Mutant("lamina/optimizers/group.py", "        if size == 1:\n            continue\n", "", GROUPS),
    Mutant("lamina/optimizers/group.py", "grad.dtype != parameter.dtype or ", "", GROUPS),
    # sizes
    Mutant("lamina/sizes/search.py", "sizes is None or min((sizes[i] for i in moving), default=0) < 2", "sizes is None", SIZES),
    Mutant("lamina/sizes/search.py", "        if largest > 10**5 and not self.is_users:\n", "        if False:\n", SIZES),
    Mutant("lamina/sizes/questions.py", "    given += [whole // prod(sizes) for whole in wholes for sizes in known if whole % prod(sizes) == 0]\n", "", SIZES),
    Mutant("lamina/sizes/questions.py", "        if any(s.example(0) == s.example(1) for s in numbers):\n            return True\n", "", "tests/graph/test_unknown_axes.py::test_a_size_that_is_made_of_a_small_part_of_another_is_not_known"),
    Mutant("lamina/sizes/questions.py", "(has_rule(op) or op is operator.getitem) else", "has_rule(op) else", SIZES),
    Mutant("lamina/sizes/texts.py", " and parts[::2] == others[::2]:", ":", "tests/graph/test_told_sizes.py::test_numbers_of_messages_in_other_words_are_no_examples_for_each_other"),
    Mutant("lamina/sizes/pointwise.py", "            if shape[axis] != 1:\n                result[axis] = shape[axis]", "            result[axis] = shape[axis]", "tests/graph/test_symbolic.py tests/graph/test_random_graphs.py"),
    # probing
    Mutant("lamina/probing/values.py", '(base.startswith("__i") and', '(False and', PROBING),
    Mutant("lamina/probing/stand_in.py", "                real.__dict__.pop(name, None)\n            for", "                pass\n            for", THREADS),
    Mutant("lamina/probing/boxes.py", "    elif isinstance(box, set):\n        box &= new\n        box |= new\n", "", MADE),
    # layers
    Mutant("lamina/layers/moving.py", "                told.append(model)\n", "", MOVING),
    Mutant("lamina/layers/moving.py", "return after if after.is_floating_point else dtype", "return after", MOVING),
    Mutant("lamina/layers/moving.py", ' and getattr(weight, "autocast", True)}', "}", MOVING),
    Mutant("lamina/layers/weight_facts.py", "torch.where(mask != 0, change(original * mask), original)", "change(original * mask)", FACTS),
    Mutant("lamina/layers/weight_facts.py", "found.setdefault(id((place.sources or [place.tensor])[0]), place)", "found[id(place)] = place", FACTS),
    Mutant("lamina/layers/weight_facts.py", "setattr(self.module, self.name, change(self.tensor))", "self.tensor.copy_(change(self.tensor))", FACTS),
    Mutant("lamina/layers/building.py", "            given = tuple(map(_plain, (*shapes, *named.values())))\n            if probes_around():", "            given = tuple(map(_plain, shapes))\n            if probes_around():", BUILDING),
    Mutant("lamina/layers/building.py", "        for slot, entries in before.items():\n            layer.__dict__[slot].clear()\n", "        for slot, entries in before.items():\n", BUILDING),
    Mutant("lamina/layers/building.py", "_built_for_examples\"], given = given, _unsized(given)", "_built_for_examples\"] = given", BUILDING),
    Mutant("lamina/layers/mode.py", "if _has_compiled(module) else []", "if False else []", THREADS),
    Mutant("lamina/layers/mode.py", "        stand_ins.give_back()\n", "        pass\n", THREADS),
    Mutant("lamina/layers/lending.py", "if copies[id(part)].__dict__[\"_set_names\"]:", "if False:", f"{MIXED} {THREADS}"),
    Mutant("lamina/layers/lending.py", "        found[name] = tree.map_leaves(lambda leaf: others.get(id(leaf), leaf), attributes[name])", "        found[name] = attributes[name]", MIXED),
    Mutant("lamina/layers/precision.py", "self._torch_dtype):\n            return cast_floats(self.run(*args, **kwargs), self._torch_dtype)", "self._torch_dtype):\n            return self.run(*args, **kwargs)", MIXED),
    # calls and exchanged layers of models
    Mutant("lamina/models/call_forms.py", "(args[-1] is None and self._is_whole(args))", "args[-1] is None", FORMS),
    Mutant("lamina/models/call_forms.py", "        while free in found:", "        if free in found:", FORMS),
    Mutant("lamina/models/call_forms.py", " for key in self.keys if key not in OPTIONS}", " for key in self.keys}", FORMS),
    Mutant("lamina/models/masks.py", "places = [place for place, tensor in enumerate(self._inputs) if key_of(tensor) in met]", "places = list(range(len(self._inputs)))", "tests/layers/test_masks.py tests/models/test_model.py"),
    Mutant("lamina/models/editing.py", "    _refuse_other_results(model, graph)\n", "", SET),
    Mutant("lamina/models/editing.py", "    if other_dtypes:\n        tell_places(model)\n", "", SET),
    Mutant("lamina/models/editing.py", "        model._step.forget_lost_weights(list(model.parameters()))\n", "        pass\n", SET),
    Mutant("lamina/models/editing.py", "    for part in new_parts:\n        part.training = old.training\n", "", SET),
    Mutant("lamina/models/editing.py", "            part.__dict__.update({name: refilled(value, was) for name, (value, was) in settings.items()})\n", "            part.__dict__.update({name: value for name, (value, was) in settings.items()})\n", "tests/models/test_leftovers.py"),
    Mutant("lamina/models/editing.py", "mask if leaf.node.specs[leaf.index] == spec else None", "mask", SET),
    Mutant("lamina/models/editing.py", "if not _is_found_mask(node, key)}", "}", f"{SET} {PARTS}"),
]  # fmt: skip
