#!lua name=ccs_modules

-- Compares byte by byte. The operator < would compare as the locale of the server does.
local function less(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = a:byte(at), b:byte(at)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- The values by which a document is sorted. A document without a name comes before one whose name
-- is empty, and one without a version after version 0.
local function sort_keys(document)
  local sound, module = pcall(cjson.decode, document)
  if not sound or type(module) ~= 'table' then module = {} end
  return {
    name = type(module.module_name) == 'string' and '=' .. module.module_name or '',
    version = tonumber(module.version) or -1,
    uid = type(module.uid) == 'string' and module.uid or '',
  }
end

-- Returns the documents of the hash KEYS[1] as one array: by module name, then newest version first,
-- then by uid. It returns malformed documents too, so that the filter can name them.
local function list_modules(keys)
  local documents, keys_of = redis.call('HVALS', keys[1]), {}
  for _, document in ipairs(documents) do keys_of[document] = sort_keys(document) end
  table.sort(documents, function(a, b)
    a, b = keys_of[a], keys_of[b]
    if a.name ~= b.name then return less(a.name, b.name) end
    if a.version ~= b.version then return a.version > b.version end
    return less(a.uid, b.uid)
  end)
  return '[' .. table.concat(documents, ',') .. ']'
end

redis.register_function {
  function_name = 'list_modules',
  callback = list_modules,
  flags = {'no-writes'},
}
