#!lua name=ccs_modules

-- The documents of the hash KEYS[1] as one array: by module name, then newest version first, then
-- uid. What is malformed goes along, for the filter to name it.
local function list_modules(keys)
  local documents, order = redis.call('HVALS', keys[1]), {}
  for _, document in ipairs(documents) do
    local sound, module = pcall(cjson.decode, document)
    if not sound or type(module) ~= 'table' then module = {} end
    order[document] = {
      type(module.module_name) == 'string' and module.module_name or '',
      -(tonumber(module.version) or -1),
      type(module.uid) == 'string' and module.uid or '',
    }
  end
  table.sort(documents, function(a, b)
    a, b = order[a], order[b]
    for at = 1, 3 do
      if a[at] ~= b[at] then return a[at] < b[at] end
    end
    return false
  end)
  return '[' .. table.concat(documents, ',') .. ']'
end

redis.register_function {
  function_name = 'list_modules',
  callback = list_modules,
  flags = {'no-writes'},
}
